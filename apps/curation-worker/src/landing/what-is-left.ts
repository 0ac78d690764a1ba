import type { MicroBatch } from '../pipeline/received';
import type { Replay } from './land-batch';
import type { LandingStore } from './port';

/** The part of a replay that nobody else has landed. */
export function leftOf(
  batch: MicroBatch,
  replay: Replay,
  left: ReadonlySet<number>,
): { batch: MicroBatch; replay: Replay } {
  const keep = (_: unknown, i: number): boolean => left.has(replay.rowIds[i]);
  const rowIds = replay.rowIds.filter(keep);
  return {
    batch: { ...batch, items: batch.items.filter(keep) },
    replay: { ...replay, rowIds, entry: { ...replay.entry, ids: rowIds } },
  };
}

/** The part of a batch without positions whose messages have not landed. */
export async function unseen(store: LandingStore, batch: MicroBatch): Promise<MicroBatch> {
  const seen = await store.seen(
    batch.topic,
    batch.items.flatMap(({ messageId }) => messageId ?? []),
  );
  return {
    ...batch,
    items: batch.items.filter(({ messageId }) => messageId === undefined || !seen.has(messageId)),
    wholeBatches: [],
  };
}
