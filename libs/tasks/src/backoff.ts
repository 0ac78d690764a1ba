import type { Random } from '@millrace/observability';

/**
 * How long to wait after the `attempt`th failed one (1, 2, …): between half of `min * 2^attempt` and the whole of it,
 * held to `max`, so that calls that failed together do not come back together. Never less than `min` or more than `max`.
 */
export function backoffMs(attempt: number, { min, max }: { min: number; max: number }, random: Random): number {
  const ceiling = Math.min(max, min * 2 ** Math.min(attempt, 60));
  return Math.max(min, ceiling * (0.5 + random.next() / 2));
}
