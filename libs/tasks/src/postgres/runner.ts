import { type Logger, type Random, systemRandom } from '@millrace/observability';
import { createPool, isUnavailable } from '@millrace/postgres';
import type { Deliver, Delivered } from '../delivery';
import { createHttpDelivery } from '../delivery/http';
import { type TaskRunner, TasksError } from '../port';
import { type Job, type JobPool, startJobs } from './graphile';
import { Leases } from './leases';
import { SCHEMA } from './migrate-tasks';
import { PatientPool, pause } from './patient-pool';
import type { Payload } from './payload';

export interface QueueOptions {
  /** Attempts under way at once in this runner. */
  readonly concurrency: number;
}

export interface PostgresTaskRunnerOptions {
  readonly url: string;
  /** Where tasks may go, e.g. `http://127.0.0.1:8084`. A stored task to anywhere else fails. */
  readonly origins: readonly string[];
  /** The queues that this runner works off. Tasks of others wait for a runner of theirs. */
  readonly queues: Readonly<Record<string, QueueOptions>>;
  readonly schema?: string;
  /** A runner not seen for this long is dead and its tasks go to others (default 30,000). */
  readonly leaseMs?: number;
  /** A task whose time comes, or whose retry is due, starts at most this late (default 1,000). New tasks start at once. */
  readonly pollMs?: number;
  /** `stop` waits this long for attempts under way, then cuts them off (default 10,000). */
  readonly drainMsMax?: number;
  /** A task that failed for good is kept this long, for people to look at (default 7 days). */
  readonly failedKeptMs?: number;
  /** Default: by HTTP. */
  readonly deliver?: Deliver;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly onDelivered?: (delivered: Delivered) => void;
}

/** In `last_error`: the trigger `plan_retry` does not count such an attempt. */
const INTERRUPTED = 'interrupted';
const RESTART_MS = 1_000;
const SWEEP_ROUNDS = 30;

class AttemptFailed extends Error {}

/**
 * Delivers what `createPostgresTasks` stored. Several runners share the work; the tasks of one that was killed are
 * delivered by the others, or by its successor, `leaseMs` and a third later at the latest (40 s by default). An outage
 * of Postgres interrupts the work and does not end the runner.
 */
export function createPostgresTaskRunner(options: PostgresTaskRunnerOptions): TaskRunner {
  return new PostgresTaskRunner(options);
}

class PostgresTaskRunner implements TaskRunner {
  private readonly queues: [string, QueueOptions][];
  private readonly pool;
  private readonly patient: PatientPool;
  private readonly leases: Leases;
  private readonly http;
  private readonly deliver: Deliver;
  private readonly jobs = new Map<string, JobPool>();
  private readonly loops: Promise<void>[] = [];
  private stopping: Promise<void> | undefined;
  private readonly ending = new AbortController();

  constructor(private readonly options: PostgresTaskRunnerOptions) {
    const { schema = SCHEMA, leaseMs = 30_000, failedKeptMs = 7 * 86_400_000 } = options;
    this.queues = Object.entries(options.queues);
    // Each queue keeps one connection to listen on.
    this.pool = createPool({ url: options.url, max: this.queues.length + 4, applicationName: 'task runner' });
    this.patient = new PatientPool(this.pool, options.logger);
    this.leases = new Leases({ pool: this.pool, schema, leaseMs, failedKeptMs });
    const connectionsMax = this.queues.reduce((sum, [, { concurrency }]) => sum + concurrency, 0);
    this.http = createHttpDelivery({ origins: options.origins, connectionsMax });
    this.deliver = options.deliver ?? this.http.deliver;
  }

  async start(): Promise<void> {
    try {
      await this.leases.recover();
    } catch (cause) {
      if (isUnavailable(cause))
        throw new TasksError('TASKS_UNAVAILABLE', 'the task queue cannot be reached', { cause });
      throw cause;
    }
    for (const [queue, { concurrency }] of this.queues) this.loops.push(this.keepWorking(queue, concurrency));
    this.loops.push(this.keepAlive());
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.end());
  }

  private async end(): Promise<void> {
    this.ending.abort();
    this.patient.leave();
    const ids = [...this.jobs.values()].map(({ id }) => id);
    await Promise.all([...this.jobs.values()].map((jobs) => jobs.stop()));
    await Promise.all(this.loops);
    // What cannot be given back now is taken from us a lease later.
    await this.leases.surrender(ids).catch(() => undefined);
    this.http.close();
    await this.pool.end();
  }

  /** A worker pool is not meant to end before we do; should it, another takes its place. */
  private async keepWorking(queue: string, concurrency: number): Promise<void> {
    const { schema = SCHEMA, pollMs = 1_000, drainMsMax = 10_000, logger } = this.options;
    const { signal } = this.ending;
    while (!signal.aborted) {
      const pool = this.patient.asPool();
      const run = (job: Job): Promise<void> => this.attempt(queue, job);
      const jobs = startJobs({ pool, schema, queue, concurrency, pollMs, drainMsMax, logger, run });
      this.jobs.set(queue, jobs);
      await jobs.ended;
      await pause(RESTART_MS, signal);
    }
  }

  private async keepAlive(): Promise<void> {
    const { leaseMs = 30_000, random = systemRandom, logger } = this.options;
    const { signal } = this.ending;
    for (let round = 0; !signal.aborted; round++) {
      try {
        await this.leases.renew([...this.jobs.values()].map(({ id }) => id));
        for (const { id, held } of this.jobs.values()) await this.leases.reclaim(id, [...held]);
        const recovered = await this.leases.recover();
        if (recovered > 0) logger?.warn({ count: recovered }, 'took over tasks of a runner that died');
        if (round % SWEEP_ROUNDS === 0) await this.leases.sweep();
      } catch (error) {
        logger?.warn({ err: error }, 'the task queue cannot be reached');
      }
      // Runners that started together do not sweep together.
      await pause((leaseMs / 3) * (0.75 + random.next() / 4), signal);
    }
  }

  private async attempt(queue: string, { id, payload, attempt, attemptsMax, signal }: Job): Promise<void> {
    const task = payload as Payload;
    const name = task.name ?? id;
    const began = performance.now();
    const result = await this.deliver({ ...task, queue, name, attempt }, signal).catch((error: unknown) => {
      if (signal.aborted) throw new AttemptFailed(INTERRUPTED);
      throw error;
    });
    const outcome = result.ok ? 'delivered' : attempt >= attemptsMax ? 'failed' : 'retry';
    const durationMs = performance.now() - began;
    this.options.onDelivered?.({
      queue,
      name,
      attempt,
      outcome,
      status: result.status,
      detail: result.detail,
      durationMs,
    });
    if (outcome === 'failed')
      this.options.logger?.error({ queue, name, attempt, status: result.status }, 'a task failed for good');
    if (!result.ok) throw new AttemptFailed(result.detail);
  }
}
