import { Conditions, type MartQuery, paged, type PeriodInput, QueryInputError } from './query';

/** The day as text: rows go out as JSON, and pages continue behind it. */
const DAY = 'CAST(service_date AS VARCHAR)';

export interface ShipmentsDailyInput extends PeriodInput {
  readonly carrierCode?: string;
}

export const SHIPMENTS_DAILY_COUNTS = [
  'created',
  'picked_up',
  'delivered',
  'exceptions',
  'open',
  'distance_miles',
] as const;

/**
 * Shipments by service day and carrier. `relation` is SQL that yields the rows of mart_shipments_daily.
 *
 * @throws QueryInputError
 */
export function shipmentsDailyQuery(relation: string, input: ShipmentsDailyInput = {}): MartQuery {
  const conditions = Conditions.ofPeriod(input).equal('carrier_code', 'carrier_code', input.carrierCode);
  const sums = SHIPMENTS_DAILY_COUNTS.map((name) => `CAST(sum(${name}) AS BIGINT) AS ${name}`).join(', ');
  const inner = `SELECT ${DAY} AS service_date, carrier_code, ${sums} FROM ${relation} ${conditions.toSql()} GROUP BY ALL`;
  return paged(inner, ['service_date', 'carrier_code'], conditions, input);
}

export const ON_TIME_GROUPS = ['carrier_code', 'facility_id', 'lane', 'service_date'] as const;
export type OnTimeGroup = (typeof ON_TIME_GROUPS)[number];

export interface OnTimeInput extends PeriodInput {
  /** One grouping, or several together. */
  readonly groupBy: OnTimeGroup | readonly OnTimeGroup[];
  readonly carrierCode?: string;
}

/** Percentages are 0 to 100, and null where there is nothing to divide by; percentiles interpolate linearly. */
const ON_TIME_MEASURES = {
  created: 'count_if(created)',
  delivered: 'count_if(delivered)',
  on_time: 'count_if(on_time)',
  on_time_pct_of_delivered: '100.0 * count_if(on_time) / nullif(count_if(delivered), 0)',
  on_time_pct_of_created: '100.0 * count_if(on_time) / nullif(count_if(created), 0)',
  mean_delay_minutes: 'avg(delay_minutes)',
  median_delay_minutes: 'quantile_cont(delay_minutes, 0.5)',
  p95_delay_minutes: 'quantile_cont(delay_minutes, 0.95)',
  mean_pickup_delay_minutes: 'avg(pickup_delay_minutes)',
} as const;

export const ON_TIME_COLUMNS = Object.keys(ON_TIME_MEASURES) as (keyof typeof ON_TIME_MEASURES)[];

/**
 * On-time performance by carrier, starting facility, lane or day. `relation` is SQL that yields the rows of
 * mart_on_time_performance.
 *
 * @throws QueryInputError
 */
export function onTimePerformanceQuery(relation: string, input: OnTimeInput): MartQuery {
  const groups = [input.groupBy].flat() as OnTimeGroup[];
  const known = groups.length > 0 && groups.every((group) => ON_TIME_GROUPS.includes(group));
  if (!known || new Set(groups).size !== groups.length) {
    throw new QueryInputError('group_by', `must be one of ${ON_TIME_GROUPS.join(', ')}`);
  }
  const conditions = Conditions.ofPeriod(input).equal('carrier_code', 'carrier_code', input.carrierCode);
  const keys = groups.map((group) => (group === 'service_date' ? `${DAY} AS service_date` : group));
  const measures = Object.entries(ON_TIME_MEASURES).map(([name, sql]) => `${sql} AS ${name}`);
  const inner = `SELECT ${[...keys, ...measures].join(', ')} FROM ${relation} ${conditions.toSql()} GROUP BY ALL`;
  return paged(inner, groups, conditions, input);
}

export interface ExceptionsInput extends PeriodInput {
  readonly carrierCode?: string;
  readonly facilityId?: string;
}

/**
 * Shipments that met an exception. `relation` is SQL that yields the rows of mart_exceptions.
 *
 * @throws QueryInputError
 */
export function exceptionsQuery(relation: string, input: ExceptionsInput = {}): MartQuery {
  const conditions = Conditions.ofPeriod(input)
    .equal('carrier_code', 'carrier_code', input.carrierCode)
    .equal('facility_id', 'facility_id', input.facilityId);
  const inner = `SELECT ${DAY} AS service_date, carrier_code, facility_id, CAST(sum(exceptions) AS BIGINT) AS exceptions FROM ${relation} ${conditions.toSql()} GROUP BY ALL`;
  return paged(inner, ['service_date', 'carrier_code', 'facility_id'], conditions, input);
}
