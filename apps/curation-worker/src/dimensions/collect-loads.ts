import type { Storage } from '@millrace/storage';
import type { UpkeepStore } from '../maintenance/upkeep';
import { RAW_LOADS_PREFIX, batchOfLoad } from './paths';

/** Paths whose batches are looked up at once. */
const LOOKUP_MAX = 1_000;

export interface CollectLoadsDeps {
  readonly store: Pick<UpkeepStore, 'landedAmong'>;
  readonly storage: Pick<Storage, 'list' | 'delete'>;
  readonly now: () => number;
}

/**
 * Deletes raw parts of loads of dimensions that did not land: their process ended, or never heard of its commit. A load
 * takes minutes at most, so what no manifest names after `ageMs` never will be named. Returns the number of files.
 */
export async function collectLoads(
  { store, storage, now }: CollectLoadsDeps,
  ageMs: number,
  signal?: AbortSignal,
): Promise<number> {
  const beforeMs = now() - ageMs;
  let deleted = 0;
  let some = new Map<string, number>();
  const settle = async (): Promise<void> => {
    if (some.size === 0) return;
    const landed = await store.landedAmong([...new Set(some.values())]);
    for (const [path, batchId] of some) {
      if (landed.has(batchId)) continue;
      await storage.delete(path);
      deleted++;
    }
    some = new Map();
  };
  for await (const { path, modifiedAt } of storage.list(RAW_LOADS_PREFIX)) {
    if (signal?.aborted) break;
    const batchId = batchOfLoad(path);
    if (batchId === null || modifiedAt.getTime() > beforeMs) continue;
    some.set(path, batchId);
    if (some.size >= LOOKUP_MAX) await settle();
  }
  await settle();
  return deleted;
}
