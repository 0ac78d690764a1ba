import type { Messaging } from '@millrace/messaging';
import type { Logger } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import type { Opener } from '../privacy/opener';
import { Pace } from '../shadow/pace';
import { shadow, type ShadowState } from '../shadow/shadow';
import type { Timers } from '../worker/timers';
import { landedBatches } from './landed-batches';
import { PostgresWork } from './postgres-work';
import { type WorkHandler, WorkRunner } from './runner';

export interface WorkDeps {
  readonly pool: Pool;
  readonly storage: Storage;
  readonly opener: Opener;
  readonly messaging: Messaging;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** Of all shadows together. */
  readonly itemsPerSecondMax: number;
  /** Jobs at once. */
  readonly slotsMax: number;
}

/** Requests wake the runner; this is for jobs whose worker is gone. */
const WORK_POLL_MS = 2_000;

/** What does the work that others ask for. */
export function createWork(deps: WorkDeps): { readonly work: PostgresWork; readonly runner: WorkRunner } {
  const { pool, storage, opener, messaging, timers, logger, leaseMs, itemsPerSecondMax, slotsMax } = deps;
  const monotonicMs = (): number => performance.now();
  const pace = new Pace(itemsPerSecondMax, timers, monotonicMs);
  const work = new PostgresWork(pool);
  const runner = new WorkRunner({
    ...{ store: work, messaging, timers, logger, leaseMs, pollMs: WORK_POLL_MS, slotsMax, monotonicMs },
    handlers: {
      shadow: ((job, state, signal) =>
        shadow(
          {
            ...{ storage, opener, pace, monotonicMs },
            landedBatches: (ids) => landedBatches(pool, ids),
          },
          job,
          state as ShadowState | null,
          signal,
        )) satisfies WorkHandler,
    },
  });
  return { work, runner };
}
