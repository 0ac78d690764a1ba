import { type QualityAlarm, TOPICS } from '@millrace/topics';
import type { OutboxEntry } from '@millrace/messaging/outbox';

/** What a rule found wrong, of one tenant and day. */
export interface Failure {
  readonly tenant: string;
  readonly dataset: string;
  readonly rule: string;
  /** UTC day of the events; empty for freshness. */
  readonly day: string;
  readonly severity: 'error' | 'warning';
  readonly status: 'failed' | 'error';
  readonly metric: string;
  readonly value: number | null;
  readonly expectation: string;
  readonly failed: number | null;
  readonly error: string | null;
}

/** A failure as it is kept. */
export interface KeptFailure extends Failure {
  readonly id: string;
  readonly openedAt: string;
  readonly changedAt: string;
  readonly closedAt: string | null;
}

/** All that is wrong with some days: what is not among it is well. */
export interface JudgedSummary {
  readonly days: readonly string[];
  readonly failures: readonly Failure[];
  /** There were more failures than are told of: then nothing is said of those that are missing. */
  readonly truncated: boolean;
  /** When the newest row that was looked at was received, by tenant and dataset. */
  readonly newest: readonly { readonly tenant: string; readonly dataset: string; readonly at: string }[];
}

const DAYS_TOLD_MAX = 31;

export const failureKey = ({
  tenant,
  dataset,
  rule,
  day,
}: Pick<Failure, 'tenant' | 'dataset' | 'rule' | 'day'>): string => JSON.stringify([day, tenant, dataset, rule]);

/** One message for each tenant and rule; warnings are shown, and alarm nobody. */
export function alarmsOf(
  change: QualityAlarm['change'],
  failures: readonly KeptFailure[],
  at: string,
  newId: () => string,
): OutboxEntry[] {
  const groups = new Map<string, KeptFailure[]>();
  for (const failure of failures) {
    if (failure.severity !== 'error') continue;
    const key = failureKey({ ...failure, day: '' });
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  return [...groups.values()].map((some) => {
    const [{ tenant, dataset, rule, metric }] = some;
    const body: QualityAlarm = {
      ...{ tenant, dataset, rule, metric, change, at },
      failures: some.slice(0, DAYS_TOLD_MAX).map(({ id, day, status, value, expectation, error }) => ({
        ...{ id, day: day === '' ? null : day, status, value, expectation, error },
      })),
      more: Math.max(0, some.length - DAYS_TOLD_MAX),
    };
    return { id: newId(), topic: TOPICS.qualityAlarms.name, body };
  });
}
