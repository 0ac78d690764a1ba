import type { Messaging } from '@millrace/messaging';
import { publishJson } from '@millrace/messaging/nest';
import type { Logger } from '@millrace/observability';
import { TOPICS, type WorkJob, type WorkProgress } from '@millrace/topics';
import { v5 } from 'uuid';
import type { Timers } from '../worker/timers';
import type { ClaimedJob, WorkStore } from './port';

/** A step on the way of a job: what to save, or nothing but that it lives. */
export interface Step<S> {
  /** Undefined where it has not moved. */
  readonly state?: S;
  readonly progress: WorkProgress | null;
  /** What came of it so far, for whoever watches. */
  readonly result: unknown;
}

/**
 * Does one kind of work: from a state on, by steps, each of which may be the last before the process dies. It ends by
 * returning, which makes its last step's result that of the job. Between two steps lie seconds at most.
 */
export type WorkHandler<J extends WorkJob = WorkJob, S = unknown> = (
  job: J,
  state: S | null,
  signal: AbortSignal,
) => AsyncIterable<Step<S>>;

/** What is wrong with a job itself: it fails, and is not tried again. */
export class JobError extends Error {}

export interface WorkRunnerOptions {
  readonly store: WorkStore;
  readonly messaging: Messaging;
  readonly handlers: Readonly<Record<WorkJob['kind'], WorkHandler>>;
  readonly timers: Timers;
  readonly logger: Logger;
  /** A job that nothing is heard of for longer is taken over, ms. */
  readonly leaseMs: number;
  /** Jobs are looked for this often, and when woken, ms. */
  readonly pollMs: number;
  /** Jobs that this process does at once. */
  readonly slotsMax: number;
  /** A job makes way for others that wait once it has been done for so long, ms (default 10,000). */
  readonly turnMs?: number;
  readonly monotonicMs: () => number;
}

/** Runs without a step forward after which a job has failed: it may be what ends the process. */
const ATTEMPTS_MAX = 5;
const UNTOLD_MAX = 20;
const TURN_MS = 10_000;
/** Ended jobs are kept so that what is asked for twice is not done twice. */
const KEPT_MS = 30 * 86_400_000;
/** Namespace of the ids under which results are told: of a job and revision always the same. */
const RESULT_IDS = 'b7f6c1de-54a4-4c0c-9b3f-6d2a7f0e4c11';

/**
 * Does the jobs that others asked for, a few at a time, beside the landings. Tenants have their turns: a long job makes way
 * for those that wait, at a step that is saved, and goes on from there when it is its tenant's turn again. A job whose
 * process died is taken over when its lease ends, from its last step on.
 */
export class WorkRunner {
  private stopping = new AbortController();
  private waiting = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private woken = false;
  private telling: Promise<void> = Promise.resolve();

  constructor(private readonly options: WorkRunnerOptions) {}

  start(): void {
    this.stopping = new AbortController();
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting.abort();
    await this.running;
  }

  /** A job may have come, or what is to be told of one. */
  wake(): void {
    this.woken = true;
    this.waiting.abort();
  }

  private async run(): Promise<void> {
    const { logger, pollMs, timers, store } = this.options;
    const working = new Set<Promise<void>>();
    while (!this.stopping.signal.aborted) {
      this.woken = false;
      try {
        await this.tell();
        if (await this.begin(working)) continue;
        await store.forget(KEPT_MS);
      } catch (error) {
        logger.warn({ error: error as Error }, 'work that was asked for is held up');
      }
      if (this.woken) continue;
      this.waiting = new AbortController();
      if (this.stopping.signal.aborted) break;
      await timers.sleep(pollMs, this.waiting.signal).catch(() => undefined);
    }
    await Promise.all(working);
  }

  /** Begins the job whose turn it is, if there is one and room for it. */
  private async begin(working: Set<Promise<void>>): Promise<boolean> {
    const { store, leaseMs, logger, slotsMax } = this.options;
    if (working.size >= slotsMax) return false;
    const job = await store.claim(leaseMs);
    if (!job) return false;
    const done = this.work(job)
      .catch((error: unknown) => logger.warn({ error, task: job.job.kind }, 'work that was asked for is held up'))
      .finally(() => {
        working.delete(done);
        this.wake();
      });
    working.add(done);
    return true;
  }

  private async work(claimed: ClaimedJob): Promise<void> {
    const { handlers, store, leaseMs, logger } = this.options;
    const { id, job, epoch, attempts } = claimed;
    const fail = async (error: string): Promise<void> => {
      await store.save(id, epoch, { status: 'failed', progress: null, result: null, error }, leaseMs);
      await this.tell();
    };
    if (attempts > ATTEMPTS_MAX) return fail(`It was begun ${attempts - 1} times and came no further.`);
    const handler = Object.hasOwn(handlers, job.kind) ? handlers[job.kind] : undefined;
    if (!handler) return fail(`This release knows no work of the kind ${String(job.kind).slice(0, 50)}.`);
    let last: Step<unknown> = { progress: null, result: null };
    const { turnMs = TURN_MS, monotonicMs } = this.options;
    const beganMs = monotonicMs();
    try {
      for await (const step of handler(job, claimed.state ?? null, this.stopping.signal)) {
        last = step;
        const verdict = await store.save(id, epoch, { ...step, status: 'running', error: null }, leaseMs);
        await this.tell();
        if (verdict !== 'go_on') return;
        // Between two savings nothing would be left of what was done.
        const isOver = step.state !== undefined && monotonicMs() - beganMs >= turnMs;
        if (isOver && (await store.othersWait())) return await store.release(id, epoch);
      }
      const { progress, result } = last;
      await store.save(id, epoch, { status: 'done', progress, result, error: null }, leaseMs);
      await this.tell();
    } catch (error) {
      if (error instanceof JobError) return fail(error.message);
      await store.release(id, epoch).catch(() => undefined);
      if (this.stopping.signal.aborted) return;
      logger.warn({ error: error as Error, task: job.kind }, 'work broke off and is tried again');
      await this.options.timers.sleep(this.options.pollMs, this.stopping.signal).catch(() => undefined);
    }
  }

  /** Tells what has not been told; again after a crash, under the same id. */
  private tell(): Promise<void> {
    this.telling = this.telling.catch(() => undefined).then(() => this.tellAll());
    return this.telling;
  }

  private async tellAll(): Promise<void> {
    const { store, messaging } = this.options;
    for (;;) {
      const untold = await store.untold(UNTOLD_MAX);
      for (const result of untold) {
        const appendId = v5(`${result.id}/${result.revision}`, RESULT_IDS);
        await publishJson(messaging, TOPICS.workResults.name, result, { appendId });
        await store.told(result.id, result.revision);
      }
      if (untold.length < UNTOLD_MAX) return;
    }
  }
}
