import type { Logger } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Timers } from '../worker/timers';
import type { ClaimedErasure, ErasureStore } from './port';
import { type ErasureReport, keptOf, NOT_SEARCHED } from './report';
import { verifyErasure, type VerifyDeps, type VerifyState } from './verify';

export interface ErasureRunnerDeps extends Omit<VerifyDeps, 'store'> {
  readonly store: ErasureStore;
  /** Looks for newer keys epochs, and forgets keys of older ones, in this process. */
  readonly refresh: () => Promise<void>;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly timers: Pick<Timers, 'every'>;
  /** An erasure that nothing is heard of for longer is taken over, ms. */
  readonly leaseMs: number;
  readonly dailyKeepDays: number;
  /** How long backups are kept that hold subjects' keys, ms. */
  readonly backupsKeepMs: number;
}

/** Between two looks at what an erasure waits for. */
const REST_MS = 500;

/**
 * Takes erasures from the request to the report, one step at a time: any number of workers may do so at once, and a
 * crash between two steps is made good by whoever claims the erasure next.
 */
export class ErasureRunner {
  constructor(private readonly deps: ErasureRunnerDeps) {}

  /** One step of the erasure that has waited longest. Returns whether there may be more at once. Rejects as the stores do. */
  async round(signal: AbortSignal): Promise<boolean> {
    const { store, leaseMs } = this.deps;
    const erasure = await store.claim(leaseMs);
    if (!erasure) return false;
    const alive = this.deps.timers.every(
      leaseMs / 4,
      () => void store.prolong(erasure, leaseMs).catch(() => undefined),
    );
    try {
      const waitingFor = await this.step(erasure, signal);
      await store.rest(erasure, waitingFor === null ? 0 : REST_MS, waitingFor);
    } catch (error) {
      await store.rest(erasure, signal.aborted ? 0 : REST_MS, null).catch(() => undefined);
      throw error;
    } finally {
      alive();
    }
    return true;
  }

  /** Returns what it waits for, or null where a step was made. Seconds in the first states, in the last as long as it takes. */
  private async step(erasure: ClaimedErasure, signal: AbortSignal): Promise<string | null> {
    const { store } = this.deps;
    if (erasure.status === 'draining') return this.drain(erasure);
    if (erasure.status === 'deleting') {
      if (!erasure.isDeleted) return erasure.waitingFor ?? 'rows to be deleted from tables';
      await store.verify(erasure);
    }
    const behind = await this.purge(erasure);
    if (behind !== null) return behind;
    await this.verify(erasure, signal);
    return null;
  }

  private async drain(erasure: ClaimedErasure): Promise<string | null> {
    const { store, failpoint, logger } = this.deps;
    const positions = await store.positions();
    const left = [...erasure.ends].filter(([partition, end]) => (positions.get(partition) ?? 0) < end);
    if (left.length > 0)
      return `${left.length} partitions of the log to be curated up to where they were at the request`;
    await failpoint('erasure-drained');
    if (!(await store.destroy(erasure))) return null;
    await failpoint('erasure-destroyed');
    await this.deps.refresh();
    logger.info({ task: erasure.id }, 'the key of an erased subject is destroyed');
    return null;
  }

  /** No process may have the key in memory once it is said that nothing can be read. */
  private async purge({ keysEpoch }: ClaimedErasure): Promise<string | null> {
    await this.deps.refresh();
    const behind = await this.deps.store.behind(keysEpoch ?? 0);
    return behind > 0 ? `${behind} workers to forget the keys of before` : null;
  }

  private async verify(erasure: ClaimedErasure, signal: AbortSignal): Promise<void> {
    const { store, leaseMs, failpoint, logger } = this.deps;
    let state: VerifyState | null = null;
    for await (state of verifyErasure({ ...this.deps, store }, erasure, signal)) {
      if (!(await store.save(erasure, state, leaseMs))) return;
      await failpoint('erasure-searched');
    }
    const report = await this.reportOf(erasure, state ?? (erasure.state as VerifyState));
    if (!(await store.finish(erasure, report))) return;
    if (report.readable === 0) logger.info({ task: erasure.id }, 'an erasure is done');
    else logger.error({ task: erasure.id, count: report.readable }, 'an erased subject can still be read');
  }

  private async reportOf(erasure: ClaimedErasure, state: VerifyState): Promise<ErasureReport> {
    const { nowMs, dailyKeepDays, backupsKeepMs, store } = this.deps;
    const { searched, stagedFiles } = state;
    const { rows, tenant, keys, keysEpoch, destroyedAt, deleted } = erasure;
    const destroyedMs = destroyedAt?.getTime() ?? nowMs();
    return {
      verifiedAt: new Date(nowMs()).toISOString(),
      keys: { destroyed: keys, keysEpoch: keysEpoch ?? 0, destroyedAt: new Date(destroyedMs).toISOString() },
      searched,
      readable: searched.reduce((sum, each) => sum + each.readable, 0),
      ...{ deleted, stagedFiles },
      kept: keptOf({ rows, unnamed: await store.unnamed(tenant), nowMs: destroyedMs, dailyKeepDays }),
      notSearched: NOT_SEARCHED,
      backupsExpireBy: new Date(destroyedMs + backupsKeepMs).toISOString(),
    };
  }
}
