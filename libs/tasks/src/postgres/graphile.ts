import { Logger as GraphileLogger, type LogLevel, runMigrations, runTaskList, type WorkerPool } from 'graphile-worker';
import type { Logger } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';

/** The library's logger: what it says about single jobs we say ourselves, so only its troubles remain. */
const loggerOf = (logger: Logger | undefined): GraphileLogger =>
  new GraphileLogger(() => (level: LogLevel, message: string, meta) => {
    if (meta?.failure || meta?.success) return;
    if ((level as string) === 'error' || (level as string) === 'warning')
      logger?.warn({ component: 'graphile-worker' }, message);
    else logger?.debug({ component: 'graphile-worker' }, message);
  });

export async function migrateGraphile(pool: Pool, schema: string): Promise<void> {
  await runMigrations({ pgPool: pool, schema, logger: loggerOf(undefined) });
}

export interface JobOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly queue: string;
  readonly concurrency: number;
  readonly pollMs: number;
  readonly drainMsMax: number;
  readonly logger?: Logger;
  /** Runs one job. What it throws is recorded as the job's last error, and the job is tried again. */
  readonly run: (job: Job) => Promise<void>;
}

export interface Job {
  readonly id: string;
  readonly payload: unknown;
  readonly attempt: number;
  readonly attemptsMax: number;
  /** Aborts when stopping has waited long enough for the jobs under way. */
  readonly signal: AbortSignal;
}

export interface JobPool {
  /** By which the locks of its jobs go. */
  readonly id: string;
  /** Settles when the pool has ended, by itself or by `stop`. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Works off the jobs of one queue. Fetches as many as it can run at once, so that idling costs one query a poll. */
export function startJobs(options: JobOptions): JobPool {
  const { queue, concurrency, pollMs, drainMsMax, schema } = options;
  const workers: WorkerPool = runTaskList(
    {
      noHandleSignals: true,
      preset: {
        worker: {
          schema,
          concurrentJobs: concurrency,
          pollInterval: pollMs,
          gracefulShutdownAbortTimeout: drainMsMax,
          localQueue: { size: concurrency },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          logger: loggerOf(options.logger),
        },
      },
    },
    {
      [queue]: async (payload, { job, abortSignal }) => {
        const signal = abortSignal ?? new AbortController().signal;
        await options.run({
          id: String(job.id),
          payload,
          attempt: job.attempts,
          attemptsMax: job.max_attempts,
          signal,
        });
      },
    },
    options.pool,
  );
  const ended = workers.promise.then(
    () => undefined,
    (error: unknown) => options.logger?.warn({ component: 'graphile-worker', err: error }, 'a worker pool ended'),
  );
  return {
    id: workers.id,
    ended,
    async stop(): Promise<void> {
      // Already ending by itself, it would only log that it was asked twice.
      if (!(workers as { _shuttingDown?: boolean })._shuttingDown)
        await Promise.resolve(workers.gracefulShutdown()).catch(() => undefined);
      await ended;
    },
  };
}
