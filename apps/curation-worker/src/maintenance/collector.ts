import type { Logger } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import { RAW_PREFIX, STAGED_PREFIX, writerOf } from '../staging/paths';
import type { DeadEpoch, UpkeepStore } from './upkeep';

export interface CollectorDeps {
  readonly store: UpkeepStore;
  readonly storage: Storage;
  readonly logger: Logger;
  readonly failpoint: Failpoint<'curation-worker'>;
}

/** Paths whose batches are looked up at once. */
const LOOKUP_MAX = 1_000;
const DAY_MS = 86_400_000;

/**
 * Deletes the files that workers left behind when they died in the middle of a landing. An epoch is first declared
 * dead, which waits for its landings under way and lets none commit after; only then is what no manifest names deleted.
 */
export class Collector {
  /** The last heartbeat of each other worker, and since when it has been the last, on this process's monotonic clock. */
  private seen = new Map<number, { readonly heartbeat: string; readonly sinceMs: number }>();

  constructor(
    private readonly deps: CollectorDeps,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /**
   * One round. Returns the number of files deleted.
   *
   * @param epoch of this worker
   * @param silentMsMax a worker that has been watched for this long without a heartbeat is dead. It is this process that
   *   watches: after an outage of the database, when all are behind, and with any clock, nobody is taken for dead
   */
  async collect(epoch: number, silentMsMax: number): Promise<number> {
    const { store, logger } = this.deps;
    for (const silent of await this.silent(epoch, silentMsMax)) {
      if (!(await store.declareDead(silent.epoch, silent.heartbeat))) continue;
      logger.warn({ epoch: silent.epoch }, 'a worker is declared dead');
      await this.deps.failpoint('declared-dead');
    }
    let deleted = 0;
    for (const dead of await store.uncollected()) deleted += await this.collectEpoch(dead);
    return deleted;
  }

  private async silent(epoch: number, silentMsMax: number): Promise<{ epoch: number; heartbeat: string }[]> {
    const others = await this.deps.store.othersAlive(epoch);
    const nowMs = this.monotonicMs();
    const seen = new Map<number, { heartbeat: string; sinceMs: number }>();
    for (const { epoch: other, heartbeat } of others) {
      const before = this.seen.get(other);
      seen.set(other, before?.heartbeat === heartbeat ? before : { heartbeat, sinceMs: nowMs });
    }
    this.seen = seen;
    return [...seen]
      .filter(([, { sinceMs }]) => nowMs - sinceMs >= silentMsMax)
      .map(([other, { heartbeat }]) => ({ epoch: other, heartbeat }));
  }

  private async collectEpoch(dead: DeadEpoch): Promise<number> {
    let deleted = 0;
    let some: string[] = [];
    for await (const path of this.filesOf(dead)) {
      some.push(path);
      if (some.length < LOOKUP_MAX) continue;
      deleted += await this.deleteUnnamed(some);
      some = [];
    }
    deleted += await this.deleteUnnamed(some);
    await this.deps.failpoint('orphans-deleted');
    await this.deps.store.collected(dead.epoch);
    if (deleted > 0) this.deps.logger.info({ epoch: dead.epoch, count: deleted }, 'files of a dead worker deleted');
    return deleted;
  }

  /** Staged files are few. Raw parts are looked for only under the accept dates that the epoch may have written. */
  private async *filesOf({ epoch, acceptedFrom, endedAt }: DeadEpoch): AsyncGenerator<string> {
    const { storage } = this.deps;
    for await (const { path } of storage.list(STAGED_PREFIX)) if (writerOf(path)?.epoch === epoch) yield path;
    if (acceptedFrom === null) return;
    // A day more than the epoch lasted: the gateways' clocks may be ahead.
    const dates = datesBetween(acceptedFrom, new Date(endedAt.getTime() + DAY_MS).toISOString().slice(0, 10));
    for await (const folder of this.eventTypeFolders()) {
      for (const date of dates) {
        for await (const { path } of storage.list(`${folder}ingest_date=${date}/`))
          if (writerOf(path)?.epoch === epoch) yield path;
      }
    }
  }

  /** `raw/event_type=…/`, each found by the first path after those of the one before. */
  private async *eventTypeFolders(): AsyncGenerator<string> {
    let startAfter: string | undefined;
    for (;;) {
      let folder: string | null = null;
      for await (const { path } of this.deps.storage.list(
        RAW_PREFIX,
        startAfter === undefined ? undefined : { startAfter },
      )) {
        folder = path.slice(0, path.indexOf('/', RAW_PREFIX.length) + 1);
        break;
      }
      if (folder === null) return;
      yield folder;
      // Beyond every path of the folder: `ingest_date=` begins with a letter, which sorts below.
      startAfter = `${folder}~`;
    }
  }

  private async deleteUnnamed(paths: readonly string[]): Promise<number> {
    if (paths.length === 0) return 0;
    const ids = [...new Set(paths.map((path) => writerOf(path)?.batchId as number))];
    const landed = await this.deps.store.landedAmong(ids);
    const unnamed = paths.filter((path) => !landed.has(writerOf(path)?.batchId as number));
    for (const path of unnamed) await this.deps.storage.delete(path);
    return unnamed.length;
  }
}

function datesBetween(from: string, to: string): string[] {
  const dates: string[] = [];
  for (let ms = Date.parse(from); ms <= Date.parse(to); ms += DAY_MS)
    dates.push(new Date(ms).toISOString().slice(0, 10));
  return dates;
}
