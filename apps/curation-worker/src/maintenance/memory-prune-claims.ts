import type { MemoryLandingStore } from '../landing/memory/store';
import { dateOfDay } from '../landing/memory/store';
import { type Pruned, SETTLE_MS } from './prune-claims';

/**
 * `pruneClaims` of the store's model, whose calendar is never ahead of what is accepted.
 *
 * @param nowMs time by which what has settled is measured; default the store's clock
 */
export function pruneMemoryClaims(store: MemoryLandingStore, settleMs = SETTLE_MS, nowMs = store.clock.now()): Pruned {
  const { claims, pruning, outbox, manifests } = store.state;
  const horizon = advance(store, nowMs);
  const { prunedTo: to, advancedMs } = pruning;
  if (to === null || to === pruning.deletedTo || advancedMs > nowMs - settleMs) return { horizon, deleted: 0 };
  let deleted = 0;
  for (const [key, { batchId, keepUntilDay }] of claims) {
    const number = manifests.get(batchId)?.number;
    if (keepUntilDay >= to || (number !== undefined && outbox.has(number))) continue;
    claims.delete(key);
    deleted++;
  }
  pruning.deletedTo = to;
  return { horizon, deleted };
}

/** By a day at most, and once a day at most. */
function advance({ state: { claims, pruning }, today }: MemoryLandingStore, nowMs: number): string | null {
  const day = today();
  const oldest = pruning.prunedTo ?? Math.min(...[...claims.values()].map(({ keepUntilDay }) => keepUntilDay));
  if ((pruning.advancedDay !== null && pruning.advancedDay >= day) || oldest >= day) return null;
  const prunedTo = Math.min(oldest + 1, day);
  Object.assign(pruning, { prunedTo, advancedDay: day, advancedMs: nowMs });
  return dateOfDay(prunedTo);
}
