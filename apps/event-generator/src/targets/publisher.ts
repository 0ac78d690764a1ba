import type { Counter, Random, Series } from '@millrace/observability';
import type { Outgoing, Target } from './port';

/** What sending a batch came to, all attempts together. */
export interface Published {
  /**
   * `acknowledged`: durable. `refused`: certainly not stored, and never will be. `unknown`: never acknowledged, and may
   * be stored all the same.
   */
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
  readonly attempts: number;
  readonly quarantined: number | null;
  /** An earlier attempt that was not acknowledged may be stored too, so the target may have the batch twice. */
  readonly maybeTwice: boolean;
  /** Why it was not acknowledged. */
  readonly reason: string | null;
}

export interface PublisherDeps {
  readonly target: Target;
  /** Longest time from the first attempt on in which another may begin, ms. */
  readonly retryMsMax: number;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds that never step back. */
  readonly monotonicMs: () => number;
  readonly random: Pick<Random, 'next'>;
  readonly metrics?: PublishMetrics;
}

export interface PublishMetrics {
  /** By `outcome`. */
  readonly events: Counter;
  /** Of single attempts, s. */
  readonly durations: Series;
  readonly retries: Counter;
}

const BACKOFF_MS = { first: 100, max: 10_000 };

/** Sends batches as a good producer does: again with the same ids while that can help, at the pace the target asks for. */
export class Publisher {
  constructor(private readonly deps: PublisherDeps) {}

  get target(): Target {
    return this.deps.target;
  }

  /**
   * Resolves when the batch is acknowledged or given up; never rejects. Once `signal` is aborted no further attempt
   * begins, and one under way is broken off.
   */
  async publish(
    items: readonly Outgoing[],
    options: { requestKey?: string; signal?: AbortSignal } = {},
  ): Promise<Published> {
    const { target, retryMsMax, wait, monotonicMs, metrics } = this.deps;
    const { requestKey = null, signal } = options;
    const deadline = monotonicMs() + retryMsMax;
    let mayBeStored = false;
    for (let attempts = 1; ; attempts++) {
      const began = monotonicMs();
      const attempt = await target.send(items, requestKey, signal);
      metrics?.durations.observe((monotonicMs() - began) / 1_000);
      if (attempt.outcome === 'acknowledged') {
        metrics?.events.inc({ outcome: 'acknowledged' }, items.length);
        const { quarantined } = attempt;
        return { outcome: 'acknowledged', attempts, quarantined, maybeTwice: mayBeStored, reason: null };
      }
      mayBeStored ||= attempt.mayBeStored;
      const delayMs = this.delayMs(attempts, attempt.retryAfterMs);
      let goesOn = attempt.canRetry && !signal?.aborted && monotonicMs() + delayMs <= deadline;
      // A wait that is broken off rejects.
      if (goesOn)
        goesOn = await wait(delayMs, signal).then(
          () => true,
          () => false,
        );
      if (!goesOn) {
        const outcome = mayBeStored ? 'unknown' : 'refused';
        metrics?.events.inc({ outcome }, items.length);
        return { outcome, attempts, quarantined: null, maybeTwice: false, reason: attempt.reason };
      }
      metrics?.retries.inc();
    }
  }

  /** What was asked for and a little more, so that many producers do not come back at once; else exponential. */
  private delayMs(attempts: number, askedMs: number | null): number {
    const { random } = this.deps;
    if (askedMs !== null) return askedMs + random.next() * Math.min(1_000, Math.max(50, askedMs / 4));
    return Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** Math.min(attempts - 1, 16)) * (0.5 + random.next() / 2);
  }
}
