import type { Outgoing, Target } from './port';

/** Runs of items that fit into one batch of the target, with at most `itemsMax` items each. An item alone always goes. */
export function* batchesFor<I extends Outgoing>(
  items: Iterable<I>,
  target: Pick<Target, 'batchItemsMax' | 'batchBytesMax'>,
  itemsMax = target.batchItemsMax,
): Generator<I[]> {
  const countMax = Math.min(itemsMax, target.batchItemsMax);
  let batch: I[] = [];
  let bytes = 0;
  for (const item of items) {
    // A line break, or what a broker keeps beside a message.
    const size = item.bytes.length + 64;
    if (batch.length > 0 && (batch.length >= countMax || bytes + size > target.batchBytesMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
