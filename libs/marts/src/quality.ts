import type { BatchRule, CompiledContract, Measure, Threshold } from '@millrace/contracts';
import type { MartColumn, MartDefinition, MartDimension } from './mart';

type RuledContract = Pick<CompiledContract, 'name' | 'version' | 'table' | 'quality'>;

const column = (name: string, type: string, doc: string): MartColumn => ({ name, type, doc });

export const QUALITY_TABLE = 'dq.results';
/** Keys of failing events that are kept for each rule and day. */
const SAMPLES_MAX = 10;

export const QUALITY_COLUMNS: readonly MartColumn[] = [
  column('tenant_id', 'string', 'Whose events.'),
  column('event_date', 'date', 'UTC day of the events; the partition.'),
  column('dataset', 'string', 'The contract.'),
  column('contract_version', 'string', 'Its version when the rule was last looked at.'),
  column('rule', 'string', "The rule's id."),
  column('metric', 'string', 'What was counted.'),
  column('dimension', 'string', 'Of quality, as the contract names it: completeness, conformity, ….'),
  column('severity', 'string', 'error or warning.'),
  column('checked', 'long', 'Rows of the day.'),
  column('failed', 'long', 'Rows that count as failing; null for rowCount.'),
  column('value', 'double', 'What is judged: failing rows, their share in percent, or all rows.'),
  column('expectation', 'string', 'What the value must be.'),
  column('passed', 'boolean', 'Whether it is.'),
  column('failing_events', 'string', `Event ids of up to ${SAMPLES_MAX} failing rows, as a JSON array.`),
  column('newest_ingest_time', 'timestamp', 'When the newest of the rows was received.'),
];

/**
 * The results of all batch rules as one mart over the typed tables: a row for each tenant, rule and day of events. Days
 * are looked at again exactly when their rows change, as any mart's are. Null where no contract has such rules.
 */
export function qualityMart(contracts: readonly RuledContract[]): MartDefinition | null {
  const ruled = contracts.filter(({ quality }) => quality.length > 0);
  if (ruled.length === 0) return null;
  const referenced = ruled.flatMap(({ quality }) => quality.flatMap(tableOf));
  return {
    id: QUALITY_TABLE,
    name: 'dq_results',
    sql: ruled.map(contractSql).join('\nUNION ALL\n'),
    sources: ruled.map(({ table }) => table),
    references: [...new Set(referenced)],
    dimensions: ruled.flatMap(({ quality }) => quality.flatMap(dimensionOf)),
    partitionColumn: 'event_date',
    partitionExpression: 'event_date',
    columns: QUALITY_COLUMNS,
    among: (tables) =>
      qualityMart(
        ruled
          .filter(({ table }) => tables.has(table))
          // Nothing can be said of a column that has had no row yet, or of a key into a table without one.
          .map((contract) => ({
            ...contract,
            quality: contract.quality.filter(({ measure }) =>
              columnsRead(measure, contract.table).every(([table, name]) => tables.get(table)?.has(name.toLowerCase())),
            ),
          })),
      ),
  };
}

/** What a rule reads: tables with columns of theirs. */
function columnsRead(measure: Measure, table: string): (readonly [table: string, column: string])[] {
  const own = (...names: readonly string[]) => names.map((name) => [table, name] as const);
  switch (measure.metric) {
    case 'rowCount':
      return [];
    case 'duplicateValues':
      return own(...measure.columns);
    case 'comparison': {
      const { left, right } = measure.comparison;
      return 'column' in right ? own(left, right.column) : own(left);
    }
    case 'foreignKey': {
      const { references } = measure;
      const other = 'table' in references ? [[references.table, references.column] as const] : [];
      return [...own(measure.column), ...other];
    }
    default:
      return own(measure.column);
  }
}

/** Read whole: a foreign key may refer to a row of any day. */
function tableOf({ measure }: BatchRule): string[] {
  return measure.metric === 'foreignKey' && 'table' in measure.references ? [measure.references.table] : [];
}

function dimensionOf({ measure }: BatchRule): MartDimension[] {
  if (measure.metric !== 'foreignKey' || !('dimension' in measure.references)) return [];
  return [{ table: `dim.${measure.references.dimension}`, attributes: [], sourceKey: null, sourceTime: 'event_time' }];
}

function contractSql({ name, version, table, quality }: RuledContract): string {
  const flags = quality.map(({ measure }, i) => `${failing(measure)} AS rule_${i}`);
  const marked = `(SELECT tenant_id, event_date, event_id, ingest_time, ${flags.join(', ')} FROM {{${table}}} AS t)`;
  return quality.map((rule, i) => ruleSql(rule, `rule_${i}`, { name, version }, marked)).join('\nUNION ALL\n');
}

function ruleSql(
  { id, dimension, severity, measure, threshold, unit }: BatchRule,
  flag: string,
  { name, version }: { name: string; version: string },
  marked: string,
): string {
  const isCount = measure.metric === 'rowCount';
  const failed = isCount ? 'CAST(NULL AS BIGINT)' : `CAST(SUM(CASE WHEN ${flag} THEN 1 ELSE 0 END) AS BIGINT)`;
  // A division makes a floating-point number of whole ones, here and in BigQuery.
  const value = isCount ? 'COUNT(*) / 1' : unit === 'rows' ? `${failed} / 1` : `100 * ${failed} / COUNT(*)`;
  const texts = [name, version, id, measure.metric].map(text);
  return `SELECT tenant_id, event_date, ${texts[0]} AS dataset, ${texts[1]} AS contract_version, ${texts[2]} AS rule,
       ${texts[3]} AS metric, ${dimension === null ? 'CAST(NULL AS STRING)' : text(dimension)} AS dimension,
       ${text(severity)} AS severity, COUNT(*) AS checked, ${failed} AS failed, ${value} AS value,
       ${text(words(threshold, unit))} AS expectation, ${judged(value, threshold)} AS passed,
       CONCAT('[', COALESCE(STRING_AGG(CASE WHEN ${flag} AND nth <= ${SAMPLES_MAX} THEN TO_JSON_STRING(event_id) END, ','), ''), ']') AS failing_events,
       MAX(ingest_time) AS newest_ingest_time
  FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY tenant_id, event_date, ${flag} ORDER BY event_id) AS nth FROM ${marked})
 GROUP BY tenant_id, event_date`;
}

/** Whether a row fails, as SQL over the typed table's row `t`; never null. */
function failing(measure: Measure): string {
  switch (measure.metric) {
    case 'rowCount':
      return 'FALSE';
    case 'nullValues':
      return `(${of('t', measure.column)} IS NULL)`;
    case 'missingValues': {
      const listed = measure.values.filter((value) => value !== null).map((value) => text(String(value)));
      const isListed =
        listed.length > 0 ? ` OR CAST(${of('t', measure.column)} AS STRING) IN (${listed.join(', ')})` : '';
      return `(${of('t', measure.column)} IS NULL${isListed})`;
    }
    case 'invalidValues': {
      const listed = measure.values.map((value) => text(String(value))).join(', ');
      return `COALESCE(CAST(${of('t', measure.column)} AS STRING) NOT IN (${listed}), FALSE)`;
    }
    case 'invalidPattern':
      return `COALESCE(NOT REGEXP_CONTAINS(CAST(${of('t', measure.column)} AS STRING), ${text(measure.pattern)}), FALSE)`;
    case 'duplicateValues': {
      const columns = measure.columns.map((name) => of('t', name));
      const isKey = columns.map((name) => `${name} IS NOT NULL`).join(' AND ');
      return `(${isKey} AND ROW_NUMBER() OVER (PARTITION BY tenant_id, event_date, ${columns.join(', ')} ORDER BY event_time, event_id) > 1)`;
    }
    case 'foreignKey':
      return unknownKey(of('t', measure.column), measure.references);
    case 'comparison': {
      const { left, op, right } = measure.comparison;
      const other = 'column' in right ? of('t', right.column) : literal(right.value);
      return `COALESCE(NOT (${of('t', left)} ${op} ${other}), FALSE)`;
    }
  }
}

function unknownKey(key: string, references: Extract<Measure, { metric: 'foreignKey' }>['references']): string {
  const known =
    'dimension' in references
      ? `SELECT 1 FROM {{dim.${references.dimension}}} AS d WHERE d.tenant_id = t.tenant_id AND d.dimension_key = CAST(${key} AS STRING)
           AND t.event_time >= d.valid_from AND (d.valid_to IS NULL OR t.event_time < d.valid_to)`
      : `SELECT 1 FROM {{ref.${references.table}}} AS r WHERE r.tenant_id = t.tenant_id AND CAST(${of('r', references.column)} AS STRING) = CAST(${key} AS STRING)`;
  return `(${key} IS NOT NULL AND NOT EXISTS (${known}))`;
}

function judged(value: string, threshold: Threshold): string {
  if ('from' in threshold) return `(${value} ${threshold.op.toUpperCase()} ${threshold.from} AND ${threshold.to})`;
  return `(${value} ${threshold.op} ${threshold.value})`;
}

function words(threshold: Threshold, unit: BatchRule['unit']): string {
  const of = unit === 'percent' ? ' %' : '';
  if ('from' in threshold) return `${threshold.op} ${threshold.from} and ${threshold.to}${of}`;
  return `${threshold.op} ${threshold.value}${of}`;
}

/**
 * A column of a relation: behind a name with a dot both engines take words of SQL as they are (`t.order`). Names are
 * checked when a contract is loaded: letters, digits and _, beginning with a letter.
 */
const of = (relation: 't' | 'r', name: string): string => {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(name)) throw new Error(`"${name}" is no column`);
  return `${relation}.${name}`;
};
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const literal = (value: string | number | boolean): string => (typeof value === 'string' ? text(value) : String(value));
