/** How long rows of a contract are kept in the lake's tables. */
export interface Retention {
  /** A whole number, as the contract says it. */
  readonly value: number;
  readonly unit: RetentionUnit;
  /** The same in milliseconds; see {@link RETENTION_UNITS}. */
  readonly ms: number;
  /**
   * `ingest_time`: from when the event was taken in, or from its own time where that is later, so that a clock that is
   * ahead makes no day look over. `event_time`: from the event's own time alone.
   */
  readonly from: 'ingest_time' | 'event_time';
}

export type RetentionUnit = 'hours' | 'days' | 'weeks' | 'months' | 'years';

const DAY_MS = 86_400_000;

/** The longest that each can be, so that rows are never gone before the calendar says so. */
export const RETENTION_UNITS: Readonly<Record<RetentionUnit, number>> = {
  hours: DAY_MS / 24,
  days: DAY_MS,
  weeks: 7 * DAY_MS,
  months: 31 * DAY_MS,
  years: 366 * DAY_MS,
};

export const RETENTION_MS_MIN = DAY_MS;
export const RETENTION_MS_MAX = 100 * RETENTION_UNITS.years;

/** Rows of before this time, ms since 1970, are over. */
export const retentionCutOff = ({ ms }: Pick<Retention, 'ms'>, nowMs: number): number => nowMs - ms;

/** `30 days`. */
export const retentionInWords = ({ value, unit }: Retention): string =>
  `${value} ${value === 1 ? unit.slice(0, -1) : unit}`;
