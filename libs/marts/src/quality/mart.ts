import type { BatchRule, CompiledContract } from '@millrace/contracts';
import type { Mart, MartColumn, MartDimension } from '../mart';

/** A contract as far as its rules about the rows of a day go. */
export type RuledContract = Pick<CompiledContract, 'name' | 'version' | 'table' | 'quality'>;

const column = (name: string, type: string, doc: string): MartColumn => ({ name, type, doc });

export const QUALITY_TABLE = 'dq.results';
/** Ids of failing events that are kept for each rule and day. */
export const SAMPLES_MAX = 10;

export const QUALITY_COLUMNS: readonly MartColumn[] = [
  column('tenant_id', 'string', 'Whose events.'),
  column('event_date', 'date', 'UTC day of the events; the partition.'),
  column('dataset', 'string', 'The contract.'),
  column('contract_version', 'string', 'Its version when the rule was last looked at.'),
  column('rule', 'string', "The rule's id."),
  column('metric', 'string', 'What was counted.'),
  column('dimension', 'string', 'Of quality, as the contract names it: completeness, conformity, ….'),
  column('severity', 'string', 'error or warning.'),
  column('checked', 'long', 'Rows of the day; null where they could not be read.'),
  column('failed', 'long', 'Rows that count as failing; null for rowCount and zScore.'),
  column('value', 'double', 'What is judged: failing rows, their share in percent, all rows, or a mean.'),
  column('expectation', 'string', 'What the value must be.'),
  column('passed', 'boolean', 'Whether it is; null where the rule could not be judged.'),
  column('failing_events', 'string', `Event ids of up to ${SAMPLES_MAX} failing rows, as a JSON array.`),
  column('newest_ingest_time', 'timestamp', 'When the newest of the rows was received.'),
  column(
    'status',
    'string',
    'passed, failed, error (the rule could not be judged), or clock (freshness, which alarms tell of).',
  ),
  column('error', 'string', 'Why not; null where it could.'),
];

/**
 * The results of all rules about the rows of a day: a row for each tenant, rule and day. Days are looked at again when
 * their rows change, as any mart's are, and when the rules do. It has no SQL of its own: each dataset is judged by itself,
 * see judge-sql.ts.
 */
export interface QualityMart extends Mart {
  readonly datasets: readonly RuledContract[];
}

/** Null where no contract has such rules. */
export function qualityMart(contracts: readonly RuledContract[]): QualityMart | null {
  const datasets = contracts.filter(({ quality }) => quality.length > 0);
  if (datasets.length === 0) return null;
  return {
    id: QUALITY_TABLE,
    name: 'dq_results',
    datasets,
    sources: datasets.map(({ table }) => table),
    dimensions: datasets.flatMap(({ quality }) => quality.flatMap(dimensionOf)),
    partitionColumn: 'event_date',
    partitionExpression: 'event_date',
    columns: QUALITY_COLUMNS,
  };
}

export const isQualityMart = (mart: Mart): mart is QualityMart => mart.id === QUALITY_TABLE;

/** A later load of it makes no partition stale. */
function dimensionOf({ measure }: BatchRule): MartDimension[] {
  if (measure.metric !== 'foreignKey' || !('dimension' in measure.references)) return [];
  return [{ table: `dim.${measure.references.dimension}`, attributes: [], sourceKey: null, sourceTime: 'event_time' }];
}
