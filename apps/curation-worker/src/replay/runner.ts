import { failureOf, loggable } from '../landing/failure';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Logger, Random } from '@millrace/observability';
import type { Landed } from '../landing/land-batch';
import type { Lander } from '../landing/lander';
import type { ReplayEntry, SkippedRow } from '../landing/port';
import type { Mended } from '../recipes/port';
import { UNREADABLE } from './failures';
import type { Job, RecipeRef, ReplayStore, StoredItem } from './port';
import { REPLAY_LOG, RETRY_LOG, storedBatch } from './stored-batch';

/** Applies a recipe: what it made of each item, by id, or why it made nothing of it. */
export type Mend = (
  tenant: string,
  recipe: RecipeRef,
  items: readonly StoredItem[],
) => Promise<{ readonly mended: ReadonlyMap<number, Mended>; readonly failures: readonly SkippedRow[] }>;

export interface RunnerDeps {
  readonly store: ReplayStore;
  readonly lander: Pick<Lander, 'prepare' | 'land'>;
  readonly mend: Mend;
  /** Of the worker that runs here; null while it has none. */
  readonly epoch: () => number | null;
  /** Newest known; what is opened under it is landed under it, or opened again. */
  readonly keysEpoch?: () => number | undefined;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly logger: Logger;
  readonly random: Random;
  readonly monotonicMs: () => number;
  readonly onLanded: (landed: Landed) => void;
}

export interface RetryPolicy {
  /** Failures of an event that waits, before it is quarantined as a dead letter. */
  readonly attemptsMax: number;
  /** The first wait, which doubles with each failure, ms. */
  readonly waitMsMin: number;
}

/** Items of one replayed batch, at most. */
const BATCH_ITEMS_MAX = 256;
const BATCH_BYTES_MAX = 8 << 20;
/** Once a single item has failed this often alone its job passes it. */
const ALONE_TRIES_MAX = 3;
const RETRY_WAIT_MS_MAX = 600_000;

/** How long a failed event rests: exponential, with jitter over the upper half. */
export function retryWaitMs(failures: number, { waitMsMin }: RetryPolicy, random: Random): number {
  const ceiling = Math.min(RETRY_WAIT_MS_MAX, waitMsMin * 2 ** Math.min(failures, 20));
  return ceiling * (0.5 + random.next() / 2);
}

/** Lands what is replayed and what is due to be tried again, one batch after the other, beside the partitions. */
export class ReplayRunner {
  /** When the next batch of a job may begin, by job. */
  private readonly pace = new Map<string, number>();

  constructor(
    private readonly deps: RunnerDeps,
    private readonly policy: RetryPolicy,
  ) {}

  /** One batch of each job, and what is due. Returns whether there may be more at once. Rejects when the store is away. */
  async round(signal: AbortSignal): Promise<boolean> {
    const epoch = this.deps.epoch();
    if (epoch === null) return false;
    const retried = await this.retryOne(epoch, signal);
    const jobs = await this.deps.store.running(epoch);
    for (const id of this.pace.keys()) if (!jobs.some((job) => job.id === id)) this.pace.delete(id);
    let more = retried;
    for (const job of jobs) {
      if (signal.aborted) return false;
      if ((this.pace.get(job.id) ?? -Infinity) > this.deps.monotonicMs()) continue;
      more = (await this.step(job, epoch, signal)) || more;
    }
    return more;
  }

  /** The next batch of a job. Returns whether there may be more. */
  private async step(job: Job, epoch: number, signal: AbortSignal): Promise<boolean> {
    const { store, logger } = this.deps;
    const keysEpoch = this.deps.keysEpoch?.();
    const size = Math.max(1, Math.min(job.rate, BATCH_ITEMS_MAX) >> job.attempts);
    const items = await store.items(job, size, BATCH_BYTES_MAX);
    if (items.length === 0) {
      const done = await store.finish(job.id, epoch);
      if (done) logger.info({ task: job.id, count: done.landed + done.duplicate }, 'a replay is done');
      return false;
    }
    const after = job.cursor;
    const upTo = items[items.length - 1].id;
    this.pace.set(job.id, this.deps.monotonicMs() + (items.length / job.rate) * 1_000);
    if (!(await store.note(job.id, epoch, upTo))) return false;
    await this.deps.failpoint('replay-noted');
    const place = { id: job.id, epoch, after, upTo };
    try {
      if (items.length === 1 && job.attempts >= Math.log2(BATCH_ITEMS_MAX) + ALONE_TRIES_MAX) {
        logger.error({ task: job.id, position: upTo }, 'no landing survives an item; its replay passes it');
        return await this.pass(place, [{ id: upTo, failure: 'the event cannot be processed' }]);
      }
      return await this.land(job, items, { place, keysEpoch }, signal);
    } catch (error) {
      if (signal.aborted || (error as { code?: string }).code === 'LANDING_FENCED') return false;
      logger.error(
        { task: job.id, position: after, error: loggable(error) },
        'a replayed batch failed and is tried again',
      );
      await store.failed(job.id, epoch);
      return true;
    }
  }

  private async land(
    job: Job,
    items: readonly StoredItem[],
    { place, keysEpoch }: { place: NonNullable<ReplayEntry['job']>; keysEpoch: number | undefined },
    signal: AbortSignal,
  ): Promise<boolean> {
    const unreadable = items.flatMap(({ id, unreadable: why }) => (why ? [{ id, failure: UNREADABLE[why] }] : []));
    const readable = unreadable.length === 0 ? items : items.filter((item) => !item.unreadable);
    const mending = job.recipe
      ? await this.deps.mend(job.tenant, job.recipe, readable)
      : { mended: new Map<number, Mended>(), failures: [] };
    const { mended } = mending;
    const failures = [...mending.failures, ...unreadable];
    const failed = new Set(failures.map(({ id }) => id));
    const tried = items.filter(({ id }) => !failed.has(id));
    if (tried.length === 0) return this.pass(place, failures);
    const prepared = await this.deps.lander.prepare(storedBatch(tried, REPLAY_LOG, mended), { signal });
    const rowIds = tried.map(({ id }) => id);
    const entry: ReplayEntry = { from: 'quarantine', ids: rowIds, job: place, skipped: failures };
    const outcome = await this.deps.lander.land(prepared, {
      ...{ epoch: place.epoch, attempts: 1, signal },
      replay: { entry, rowIds, ...(keysEpoch !== undefined && { keysEpoch }) },
    });
    if (outcome.kind === 'taken') return this.pass(place, failures);
    // The next round opens its items again.
    if (outcome.kind === 'rekeyed') return true;
    if (outcome.kind !== 'landed') return false;
    await this.deps.failpoint('replay-landed');
    this.deps.onLanded(outcome);
    return true;
  }

  private pass(job: NonNullable<ReplayEntry['job']>, skipped: readonly SkippedRow[]): Promise<boolean> {
    return this.deps.store.pass({ from: 'quarantine', ids: [], job, skipped });
  }

  /** Tries the waiting event that is due first. Returns whether there was one. */
  private async retryOne(epoch: number, signal: AbortSignal): Promise<boolean> {
    const { store, lander, logger, random } = this.deps;
    const keysEpoch = this.deps.keysEpoch?.();
    const item = await store.takeWaiting(epoch);
    if (!item) return false;
    await this.deps.failpoint('retry-taken');
    const { id, attempts, interrupted } = item;
    // A try that ended with its process counts half: processes are ended for other reasons, too.
    const failures = attempts + Math.floor(interrupted / 2);
    const ownership = { epoch, attempts: attempts + 1, signal };
    const replay = {
      ...{ entry: { from: 'waiting' as const, ids: [id], job: null }, rowIds: [id] },
      ...(keysEpoch !== undefined && !item.unreadable && { keysEpoch }),
    };
    const land = async (deadLetter: string | null): Promise<void> => {
      const batch = storedBatch([item], RETRY_LOG);
      const prepared = await lander.prepare(batch, deadLetter === null ? { signal } : { deadLetter, signal });
      const outcome = await lander.land(prepared, { ...ownership, replay });
      if (outcome.kind === 'landed') this.deps.onLanded(outcome);
      if (outcome.kind === 'rekeyed') await store.giveBack(id, epoch);
    };
    try {
      if (item.unreadable) await land(UNREADABLE[item.unreadable]);
      else if (failures >= this.policy.attemptsMax) await land(item.lastError);
      else {
        try {
          await land(null);
        } catch (error) {
          if (signal.aborted || isFenced(error) || failures + 1 < this.policy.attemptsMax) throw error;
          ownership.attempts = attempts + 1;
          await land(failureOf(error));
        }
      }
    } catch (error) {
      if (signal.aborted || isFenced(error)) {
        await store.giveBack(id, epoch).catch(() => undefined);
        return false;
      }
      logger.warn(
        { position: id, attempt: attempts + 1, error: loggable(error) },
        'an event that waits has failed again',
      );
      await store.waitAgain(id, epoch, failureOf(error), retryWaitMs(attempts + 1, this.policy, random));
    }
    return true;
  }
}

const isFenced = (error: unknown): boolean => (error as { code?: string }).code === 'LANDING_FENCED';
