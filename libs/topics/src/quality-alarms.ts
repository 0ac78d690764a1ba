/**
 * `quality.alarms`: a rule of severity `error` began to fail for a tenant, or does no more. Told once for each day of
 * events that it is about, not again while it goes on. Told at least once: what is told again has the same ids.
 */
export interface QualityAlarm {
  readonly tenant: string;
  /** The contract. */
  readonly dataset: string;
  readonly rule: string;
  readonly metric: string;
  readonly change: 'opened' | 'closed';
  readonly at: string;
  /** Up to 31. */
  readonly failures: readonly QualityAlarmFailure[];
  /** Further ones, in `/v1/quality/alarms`. */
  readonly more: number;
}

export interface QualityAlarmFailure {
  /** Of the alarm in `/v1/quality/alarms`. */
  readonly id: string;
  /** UTC day of the events; null for freshness. */
  readonly day: string | null;
  /** Whether the rule is broken, or could not be judged. */
  readonly status: 'failed' | 'error';
  readonly value: number | null;
  readonly expectation: string;
  readonly error: string | null;
}
