import { Conditions, type MartQuery, paged, type PeriodInput } from '../query';

export interface QualityInput extends PeriodInput {
  readonly tenant: string;
  readonly dataset?: string;
  readonly rule?: string;
  /** The results are of before rules could be found impossible to judge. */
  readonly withoutStatus?: boolean;
}

/** Days that a value is compared with, and those of the same weekday. */
export const DAYS_BEFORE = 28;
export const WEEKS_BEFORE = 8;
/** Days before `from` that are read. */
export const QUALITY_DAYS_BEFORE = 7 * WEEKS_BEFORE;
/** Fewer days say nothing about what is usual. */
export const DAYS_MIN = 7;
export const WEEKS_MIN = 3;

/**
 * Results of quality rules by day of events. `relation` is SQL that yields the rows of dq.results. Each value and each
 * day's volume is held against the days before it: how many standard deviations it lies from their mean (z-score), and
 * from that of the same weekday (seasonality); null while there are too few days, or all were equal.
 *
 * @throws QueryInputError
 */
export function qualityTrendsQuery(relation: string, input: QualityInput): MartQuery {
  // Of the outer rows, which have the day as text and one tenant only.
  const { from, to, limit, page } = input;
  const conditions = Conditions.ofPeriod({ from, to }, 'event_date');
  const scope = new Conditions().equal('tenant_id', 'tenant', input.tenant);
  scope.equal('dataset', 'dataset', input.dataset).equal('rule', 'rule', input.rule);
  const day = 'PARTITION BY tenant_id, dataset, rule ORDER BY event_date RANGE BETWEEN INTERVAL';
  const before = `${day} ${DAYS_BEFORE} DAY PRECEDING AND INTERVAL 1 DAY PRECEDING`;
  const weekday = `PARTITION BY tenant_id, dataset, rule, isodow(event_date) ORDER BY event_date RANGE BETWEEN INTERVAL ${7 * WEEKS_BEFORE} DAY PRECEDING AND INTERVAL 1 DAY PRECEDING`;
  const z = (name: string, over: string, min: number): string =>
    `CASE WHEN count(${name}) OVER (${over}) >= ${min} THEN (${name} - avg(${name}) OVER (${over})) / nullif(stddev_samp(${name}) OVER (${over}), 0) END`;
  const scored = `SELECT *, ${z('value', before, DAYS_MIN)} AS value_z_score, ${z('value', weekday, WEEKS_MIN)} AS value_seasonal_z_score,
      ${z('checked', before, DAYS_MIN)} AS volume_z_score, ${z('checked', weekday, WEEKS_MIN)} AS volume_seasonal_z_score
    FROM ${relation} ${scope.toSql()}`;
  const status = input.withoutStatus
    ? `CASE WHEN passed THEN 'passed' ELSE 'failed' END AS status, CAST(NULL AS VARCHAR) AS error`
    : 'status, error';
  const inner = `SELECT CAST(event_date AS VARCHAR) AS event_date, dataset, rule, contract_version, metric, dimension, severity,
      checked, failed, value, expectation, passed, ${status}, failing_events, CAST(newest_ingest_time AS VARCHAR) AS newest_ingest_time,
      value_z_score, value_seasonal_z_score, volume_z_score, volume_seasonal_z_score
    FROM (${scored}) AS scored ${conditions.toSql()}`;
  const query = paged(inner, ['event_date', 'dataset', 'rule'], conditions, { limit, page });
  return { ...query, params: { ...scope.params, ...query.params } };
}
