import type { BatchRule, Measure, Threshold } from '@millrace/contracts';
import { dimensionHistorySql } from '../dimension';
import { dimensionTableOf, referenceOf } from './columns-read';
import { type RuledContract, SAMPLES_MAX } from './mart';
import { type DaysBefore, isUsualRule, usualSql, type UsualRule, usualWords } from './usual-sql';

/** What is judged, for DuckDB. */
export interface DayToJudge {
  readonly contract: Pick<RuledContract, 'name' | 'version'>;
  /** UTC day of the events, `YYYY-MM-DD`. */
  readonly day: string;
  /** Relation of the contract's rows of that day, with the columns that its rules read. Trusted text. */
  readonly rows: string;
  /** Relations of other tables that keys are looked up in, by table id; a dimension that was never loaded is absent. */
  readonly others: Readonly<Record<string, string>>;
  /** Of a rule about what is usual. */
  readonly before?: DaysBefore;
}

/**
 * Rules that one query judges. Those that look at each row by itself go together, in one pass whose memory does not
 * depend on the number of rows; each other one has a query of its own, which keeps the distinct keys of one day.
 */
export function groupRules(rules: readonly BatchRule[]): (readonly BatchRule[])[] {
  const single = rules.filter(({ measure }) => rowFlag(measure) !== null);
  const others = rules.filter(({ measure }) => rowFlag(measure) === null).map((rule) => [rule]);
  return single.length > 0 ? [single, ...others] : others;
}

/**
 * Results of rules that go together, as rows of dq.results in the order of its columns: one for each tenant with rows on
 * that day, and rule.
 */
export function judgeSql(rules: readonly BatchRule[], to: DayToJudge): string {
  const [{ measure }] = rules;
  if (measure.metric === 'duplicateValues') return duplicatesSql(rules[0], measure.columns, to);
  if (isUsualRule(rules[0])) return ofUsual(rules[0], to);
  if (measure.metric === 'foreignKey') return foreignKeySql(rules[0], measure.column, to);
  const flags = rules.flatMap((rule, i) => {
    const flag = rowFlag(rule.measure);
    return [
      `COUNT(*) FILTER (WHERE ${flag}) AS failed_${i}`,
      `MIN(event_id, ${SAMPLES_MAX}) FILTER (WHERE ${flag}) AS samples_${i}`,
    ];
  });
  const counted = `SELECT tenant_id, COUNT(*) AS checked, MAX(ingest_time) AS newest, ${flags.join(', ')} FROM ${to.rows} AS t GROUP BY tenant_id`;
  const results = rules.map((rule, i) => resultSql(rule, to, `failed_${i}`, `samples_${i}`, 'counted'));
  return `WITH counted AS MATERIALIZED (${counted}) ${results.join(' UNION ALL ')}`;
}

/**
 * In place of results that could not be had: that they could not, and why.
 *
 * @param previous relation of the earlier results of that day, where the rows themselves cannot be read: its tenants count
 */
export function unjudgedSql(
  rules: readonly BatchRule[],
  to: Omit<DayToJudge, 'others'>,
  why: string,
  previous?: string,
): string {
  const rows = previous
    ? `SELECT DISTINCT tenant_id, CAST(NULL AS BIGINT) AS checked, CAST(NULL AS TIMESTAMPTZ) AS newest FROM ${previous} WHERE dataset = ${text(to.contract.name)}`
    : `SELECT tenant_id, COUNT(*) AS checked, MAX(ingest_time) AS newest FROM ${to.rows} GROUP BY tenant_id`;
  const results = rules.map((rule) =>
    columnsOf(rule, to, {
      ...{ failed: 'CAST(NULL AS BIGINT)', value: 'CAST(NULL AS DOUBLE)', passed: 'CAST(NULL AS BOOLEAN)' },
      ...{ samples: `'[]'`, status: `'error'`, error: text(why) },
    }),
  );
  return `WITH tenants AS MATERIALIZED (${rows}) ${results.map((list) => `SELECT ${list} FROM tenants`).join(' UNION ALL ')}`;
}

/** No single row fails: what is unusual is the day. */
function ofUsual(rule: UsualRule, to: DayToJudge): string {
  if (!to.before) throw new Error(`nothing is said of the days before, for ${rule.id}`);
  const list = columnsOf(rule, to, {
    ...{ failed: 'CAST(NULL AS BIGINT)', value: 'value', passed: 'passed', samples: `'[]'` },
    ...{ status: `CASE WHEN passed THEN 'passed' ELSE 'failed' END`, error: 'CAST(NULL AS VARCHAR)' },
  });
  return `SELECT ${list} FROM (${usualSql(rule, to.day, to.rows, to.before, to.contract.name)})`;
}

/** Rows after the first of those that are equal in all columns. */
function duplicatesSql(rule: BatchRule, names: readonly string[], to: DayToJudge): string {
  const columns = names.map((name) => of('t', name));
  const isKey = columns.map((name) => `${name} IS NOT NULL`).join(' AND ');
  const same = names.map((name) => `${of('t', name)} = ${of('r', name)}`).join(' AND ');
  const repeated = `SELECT t.tenant_id, ${columns.join(', ')} FROM ${to.rows} AS t WHERE ${isKey} GROUP BY ALL HAVING COUNT(*) > 1`;
  // Only what is repeated is sorted.
  const again = `SELECT t.tenant_id, t.event_id FROM ${to.rows} AS t SEMI JOIN repeated AS r ON (t.tenant_id = r.tenant_id AND ${same})
    QUALIFY ROW_NUMBER() OVER (PARTITION BY t.tenant_id, ${columns.join(', ')} ORDER BY t.event_time, t.event_id) > 1`;
  return `WITH repeated AS MATERIALIZED (${repeated}), failing AS (${again}) ${ofFailing(rule, to)}`;
}

/** Rows whose key is not there: of the other table no more is kept than the keys that this day's rows name. */
function foreignKeySql(rule: BatchRule, name: string, to: DayToJudge): string {
  const key = of('t', name);
  const wanted = `SELECT DISTINCT t.tenant_id, CAST(${key} AS VARCHAR) AS k FROM ${to.rows} AS t WHERE ${key} IS NOT NULL`;
  const failing = (match: string): string =>
    `SELECT t.tenant_id, t.event_id FROM ${to.rows} AS t ANTI JOIN known AS k ON (t.tenant_id = k.tenant_id AND CAST(${key} AS VARCHAR) = k.k${match}) WHERE ${key} IS NOT NULL`;
  const reference = referenceOf(rule);
  const [known, found] = reference
    ? [knownKeys(of('r', reference.column), to.others[reference.table]), failing('')]
    : [
        keysInForce(to, dimensionTableOf(rule) as string),
        failing(' AND t.event_time >= k.since AND t.event_time < k.until'),
      ];
  return `WITH wanted AS MATERIALIZED (${wanted}), known AS MATERIALIZED (${known}), failing AS (${found}) ${ofFailing(rule, to)}`;
}

const knownKeys = (key: string, relation: string): string =>
  `SELECT DISTINCT r.tenant_id, CAST(${key} AS VARCHAR) AS k FROM ${relation} AS r SEMI JOIN wanted AS w ON (r.tenant_id = w.tenant_id AND CAST(${key} AS VARCHAR) = w.k)`;

/** What changed after the day says nothing of it. */
function keysInForce({ day, others }: DayToJudge, table: string): string {
  const relation = others[table] as string | undefined;
  const narrowed =
    relation &&
    `(SELECT c.tenant_id, c.dimension_key, c.valid_from, c.is_deleted, c._batch_id FROM ${relation} AS c
       SEMI JOIN wanted AS w ON (c.tenant_id = w.tenant_id AND c.dimension_key = w.k)
       WHERE c.valid_from < CAST(DATE ${text(day)} + 1 AS TIMESTAMPTZ))`;
  return `SELECT tenant_id, dimension_key AS k, valid_from AS since, COALESCE(valid_to, TIMESTAMPTZ 'infinity') AS until FROM ${dimensionHistorySql({ attributes: [] }, narrowed)}`;
}

/** The result of one rule out of a relation `failing` with tenants and ids of events. */
function ofFailing(rule: BatchRule, to: DayToJudge): string {
  const totals = `SELECT tenant_id, COUNT(*) AS checked, MAX(ingest_time) AS newest FROM ${to.rows} GROUP BY tenant_id`;
  const found = `SELECT tenant_id, COUNT(*) AS failed, MIN(event_id, ${SAMPLES_MAX}) AS samples FROM failing GROUP BY tenant_id`;
  const counted = `SELECT a.*, COALESCE(f.failed, 0) AS failed, f.samples FROM (${totals}) AS a LEFT JOIN (${found}) AS f USING (tenant_id)`;
  return resultSql(rule, to, 'failed', 'samples', `(${counted}) AS counted`);
}

function resultSql(rule: BatchRule, to: DayToJudge, failed: string, samples: string, from: string): string {
  const { measure, unit, threshold } = rule;
  // How old the newest row is, is judged by the clock and over all days; here is when that of this day came.
  if (measure.metric === 'freshness') return `SELECT ${columnsOf(rule, to, BY_THE_CLOCK)} FROM ${from}`;
  const isCount = measure.metric === 'rowCount';
  const value = isCount ? 'checked::DOUBLE' : unit === 'rows' ? `${failed}::DOUBLE` : `100 * ${failed} / checked`;
  const passed = judged(`(${value})`, threshold);
  const list = columnsOf(rule, to, {
    ...{ failed: isCount ? 'CAST(NULL AS BIGINT)' : failed, value, passed },
    samples: `COALESCE(CAST(to_json(${samples}) AS VARCHAR), '[]')`,
    ...{ status: `CASE WHEN ${passed} THEN 'passed' ELSE 'failed' END`, error: 'CAST(NULL AS VARCHAR)' },
  });
  return `SELECT ${list} FROM ${from}`;
}

const BY_THE_CLOCK: Found = {
  ...{ failed: 'CAST(NULL AS BIGINT)', value: 'CAST(NULL AS DOUBLE)', passed: 'CAST(NULL AS BOOLEAN)' },
  ...{ samples: `'[]'`, status: `'clock'`, error: 'CAST(NULL AS VARCHAR)' },
};

type Found = Readonly<Record<'failed' | 'value' | 'passed' | 'samples' | 'status' | 'error', string>>;

function columnsOf(
  rule: BatchRule,
  { contract, day }: Pick<DayToJudge, 'contract' | 'day'>,
  { failed, value, passed, samples, status, error }: Found,
): string {
  const { id, dimension, severity, measure, threshold, unit } = rule;
  return [
    ...['tenant_id', `DATE ${text(day)}`, text(contract.name), text(contract.version), text(id), text(measure.metric)],
    ...[dimension === null ? 'CAST(NULL AS VARCHAR)' : text(dimension), text(severity), 'checked', failed, value],
    ...[
      text(isUsualRule(rule) ? usualWords(rule) : words(threshold, measure.metric === 'freshness' ? 'seconds' : unit)),
      passed,
      samples,
      'newest',
      status,
      error,
    ],
  ].join(', ');
}

/** Whether a row fails by itself, as SQL over the row `t`; never null. Null for rules that need other rows. */
function rowFlag(measure: Measure): string | null {
  switch (measure.metric) {
    case 'rowCount':
    case 'freshness':
      return 'FALSE';
    case 'nullValues':
      return `(${of('t', measure.column)} IS NULL)`;
    case 'missingValues': {
      const listed = measure.values.filter((value) => value !== null).map((value) => text(String(value)));
      const isListed =
        listed.length > 0 ? ` OR CAST(${of('t', measure.column)} AS VARCHAR) IN (${listed.join(', ')})` : '';
      return `(${of('t', measure.column)} IS NULL${isListed})`;
    }
    case 'invalidValues': {
      const listed = measure.values.map((value) => text(String(value))).join(', ');
      return `COALESCE(CAST(${of('t', measure.column)} AS VARCHAR) NOT IN (${listed}), FALSE)`;
    }
    case 'invalidPattern':
      return `COALESCE(NOT regexp_matches(CAST(${of('t', measure.column)} AS VARCHAR), ${text(measure.pattern)}), FALSE)`;
    case 'comparison': {
      const { left, op, right } = measure.comparison;
      const other = 'column' in right ? of('t', right.column) : literal(right.value);
      return `COALESCE(NOT (${of('t', left)} ${op} ${other}), FALSE)`;
    }
    default:
      return null;
  }
}

function judged(value: string, threshold: Threshold): string {
  if ('from' in threshold) return `(${value} ${threshold.op.toUpperCase()} ${threshold.from} AND ${threshold.to})`;
  return `(${value} ${threshold.op} ${threshold.value})`;
}

function words(threshold: Threshold, unit: BatchRule['unit'] | 'seconds'): string {
  const of = { percent: ' %', seconds: ' s', rows: '' }[unit];
  if ('from' in threshold) return `${threshold.op} ${threshold.from} and ${threshold.to}${of}`;
  return `${threshold.op} ${threshold.value}${of}`;
}

/**
 * A column of a relation: behind a name with a dot DuckDB takes words of SQL as they are (`t.order`). Names are checked
 * when a contract is loaded: letters, digits and _, beginning with a letter.
 */
const of = (relation: 't' | 'r', name: string): string => {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(name)) throw new Error(`"${name}" is no column`);
  return `${relation}.${name}`;
};
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const literal = (value: string | number | boolean): string => (typeof value === 'string' ? text(value) : String(value));
