import type { BatchRule, Measure } from '@millrace/contracts';
import { DAYS_BEFORE, DAYS_MIN, WEEKS_BEFORE, WEEKS_MIN } from './trends';

/** What a day is held against, for DuckDB. Trusted text. */
export interface DaysBefore {
  /** Relation of earlier results, in the columns of dq.results; of other rules and days, too. */
  readonly results: string;
  /** Relation of rows, with tenant, day and column, of days that have no such result; null where all have one. */
  readonly rows: string | null;
  /** Whether the day is over: before that fewer rows than usual say nothing. */
  readonly isOver: boolean;
}

type ZScore = Extract<Measure, { readonly metric: 'zScore' }>;

export interface UsualRule extends BatchRule {
  readonly measure: ZScore;
}

export const isUsualRule = (rule: BatchRule): rule is UsualRule => rule.measure.metric === 'zScore';

const DAY_MS = 86_400_000;
/** Days that are all alike would make the least difference unusual: a deviation counts as this share of the mean at least. */
const DEVIATION_MIN = 0.01;

/** The days that a day is held against, `YYYY-MM-DD`. */
export function daysHeldAgainst({ measure: { among } }: UsualRule, day: string): string[] {
  const [step, count] = among === 'days' ? [1, DAYS_BEFORE] : [7, WEEKS_BEFORE];
  return Array.from({ length: count }, (_, i) =>
    new Date(Date.parse(day) - (i + 1) * step * DAY_MS).toISOString().slice(0, 10),
  );
}

/** What the value must be, in words; equal where values are of the same meaning. */
export function usualWords({ measure: { column, among }, threshold }: UsualRule): string {
  const what = column === null ? 'rows' : `mean of ${column}`;
  const when = among === 'days' ? `the ${DAYS_BEFORE} days` : `the same weekday of the ${WEEKS_BEFORE} weeks`;
  return `${what} within ${'value' in threshold ? threshold.value : 0} deviations of ${when} before`;
}

/**
 * Of each tenant with rows on the day: `checked`, `newest`, the `value`, and whether it `passed`. While there are too few
 * days to say what is usual, everything is.
 */
export function usualSql(rule: UsualRule, day: string, rows: string, before: DaysBefore, dataset: string): string {
  const { column, among } = rule.measure;
  const value = column === null ? 'COUNT(*)::DOUBLE' : `AVG(t."${column}")::DOUBLE`;
  const days = daysHeldAgainst(rule, day)
    .map((each) => `DATE '${each}'`)
    .join(', ');
  const text = (of: string): string => `'${of.replaceAll("'", "''")}'`;
  const known = `SELECT tenant_id, value FROM ${before.results} WHERE dataset = ${text(dataset)} AND rule = ${text(rule.id)}
    AND expectation = ${text(usualWords(rule))} AND event_date IN (${days}) AND value IS NOT NULL`;
  const counted = before.rows
    ? ` UNION ALL SELECT t.tenant_id, ${value} FROM ${before.rows} AS t GROUP BY t.tenant_id, t.event_date`
    : '';
  const least = among === 'days' ? DAYS_MIN : WEEKS_MIN;
  const most = 'value' in rule.threshold ? rule.threshold.value : 0;
  const off = 'd.value - u.mean';
  const far = `${before.isOver || column !== null ? `abs(${off})` : off} > ${most} * greatest(coalesce(u.deviation, 0), abs(u.mean) * ${DEVIATION_MIN})`;
  return `SELECT d.*, NOT coalesce(u.days >= ${least} AND ${far}, FALSE) AS passed
    FROM (SELECT t.tenant_id, COUNT(*) AS checked, MAX(t.ingest_time) AS newest, ${value} AS value FROM ${rows} AS t GROUP BY t.tenant_id) AS d
    LEFT JOIN (SELECT tenant_id, COUNT(value) AS days, AVG(value) AS mean, STDDEV_SAMP(value) AS deviation
                 FROM (${known}${counted}) GROUP BY tenant_id) AS u USING (tenant_id)`;
}
