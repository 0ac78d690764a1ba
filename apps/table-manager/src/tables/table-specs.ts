import { type ContractSet, RECOVERED_COLUMN } from '@millrace/contracts';
import { MARTS, QUALITY_COLUMNS, QUALITY_TABLE } from '@millrace/marts';
import {
  DIMENSION_DATE_COLUMN,
  DIMENSION_PREFIX,
  EVENT_DATE_COLUMN,
  EVENTS_COLUMNS,
  EVENTS_TABLE,
  FATES_COLUMNS,
  FATES_DATE_COLUMN,
  FATES_TABLE,
  LINEAGE_COLUMNS,
  type StagedFile,
  TYPED_KEY_COLUMNS,
} from '@millrace/topics';

/** What a table is made with. */
export interface TableSpec {
  readonly id: string;
  readonly description: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly doc?: string }[];
  readonly partitionColumn: string;
  /** SQL over one staged row, for the partition column. Absent for marts, which compute it themselves. */
  readonly partitionExpression?: string;
}

const EVENTS: TableSpec = {
  id: EVENTS_TABLE,
  description: 'Every landed event, whatever its type.',
  columns: EVENTS_COLUMNS,
  partitionColumn: EVENT_DATE_COLUMN,
  partitionExpression: 'CAST(event_time AS DATE)',
};

const FATES: TableSpec = {
  id: FATES_TABLE,
  description: 'Every item that did not land, and why.',
  columns: FATES_COLUMNS,
  partitionColumn: FATES_DATE_COLUMN,
  partitionExpression: 'CAST(ingest_time AS DATE)',
};

const RECOVERED_DOC = 'JSON of the values that do not fit their columns, by their path in the event.';

/**
 * The table of an id: built in, a mart, a dimension's, or a contract's. Null when nothing says what it looks like.
 *
 * @param staged files of the table, which say so themselves where it is a dimension's
 */
export function tableSpec(
  id: string,
  contracts: ContractSet,
  staged: readonly Pick<StagedFile, 'columns'>[] = [],
): TableSpec | null {
  if (id === EVENTS.id) return EVENTS;
  if (id === FATES.id) return FATES;
  if (id.startsWith(DIMENSION_PREFIX)) return dimensionSpec(id, staged);
  const mart = MARTS.find((m) => m.id === id) ?? (id === QUALITY_TABLE ? QUALITY : null);
  if (mart) return { id, description: mart.name, columns: mart.columns, partitionColumn: mart.partitionColumn };
  const contract = contracts.contracts.find((c) => c.table === id);
  if (!contract) return null;
  return typedTable(id, `${contract.name} ${contract.version}`, [
    // A contract with a field of such a name is refused when it is loaded.
    ...TYPED_KEY_COLUMNS,
    ...contract.columns.map(({ name, type, doc }) => ({ name, type, doc })),
    ...contract.enriched,
    ...(contract.recovers ? [{ name: RECOVERED_COLUMN, type: 'string', doc: RECOVERED_DOC }] : []),
    ...LINEAGE_COLUMNS,
    { name: EVENT_DATE_COLUMN, type: 'date' },
  ]);
}

/** All columns that any of the files has: of two loads only the later knows the newest attribute. */
function dimensionSpec(id: string, staged: readonly Pick<StagedFile, 'columns'>[]): TableSpec | null {
  const columns = new Map(staged.flatMap((file) => file.columns ?? []).map((column) => [column.name, column]));
  if (columns.size === 0) return null;
  return {
    id,
    description: `The history of the dimension ${id.slice(DIMENSION_PREFIX.length)}: what its keys had from when on.`,
    columns: [...columns.values()],
    partitionColumn: DIMENSION_DATE_COLUMN,
    partitionExpression: 'CAST(loaded_at AS DATE)',
  };
}

const QUALITY = { name: 'dq_results', columns: QUALITY_COLUMNS, partitionColumn: 'event_date' };

/** A table of one contract's events. */
export const typedTable = (id: string, description: string, columns: TableSpec['columns']): TableSpec => ({
  ...{ id, description, columns },
  partitionColumn: EVENT_DATE_COLUMN,
  partitionExpression: 'CAST(event_time AS DATE)',
});

export const MART_IDS: ReadonlySet<string> = new Set([...MARTS.map((mart) => mart.id), QUALITY_TABLE]);

export const isMart = (id: string): boolean => MART_IDS.has(id);
