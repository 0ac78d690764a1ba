import { nextAgeCut, TRIM_TO_SHARE } from '../trim-policy';
import type { MemoryPartition, MemoryTopic } from './memory-log';

/**
 * Removes what the topic's limits allow, never what a group has not acknowledged nor what is younger than `keepMs`
 * (its append id may still be repeated). Returns the number of batches removed.
 */
export function trimMemory(topic: MemoryTopic, keepMs: number): number {
  const nowMs = topic.clock.now();
  const floors = topic.partitions.map(({ next }, partition) =>
    Math.min(next, ...[...topic.groups.values()].map((group) => group.positions[partition].next)),
  );
  moveAgeCut(topic, nowMs);
  const bytesTarget = (topic.bytesMax ?? Infinity) * TRIM_TO_SHARE;
  let removed = 0;
  for (;;) {
    const oldest = topic.partitions
      .map((partition, index) => ({ partition, index, batch: partition.batches[0], floor: floors[index] }))
      .filter(({ batch, floor }) => batch && batch.base + batch.size <= floor && batch.appendedAtMs <= nowMs - keepMs)
      .sort((a, b) => a.batch.appendedAtMs - b.batch.appendedAtMs)[0];
    if (!oldest) return removed;
    const tooOld = topic.ageCutMs !== null && oldest.batch.appendedAtMs < topic.ageCutMs;
    if (!tooOld && topic.bytes <= bytesTarget) return removed;
    removeFirst(topic, oldest.partition, String(oldest.index));
    removed++;
  }
}

function removeFirst(topic: MemoryTopic, partition: MemoryPartition, name: string): void {
  const batch = partition.batches.shift();
  if (!batch) return;
  partition.start = batch.base + batch.size;
  partition.bytes -= batch.bytes;
  const left = topic.appended.get(batch.appendId)?.filter((part) => part.partition !== name) ?? [];
  if (left.length > 0) topic.appended.set(batch.appendId, left);
  else topic.appended.delete(batch.appendId);
}

function moveAgeCut(topic: MemoryTopic, nowMs: number): void {
  const ages = topic.partitions.flatMap(({ batches }) =>
    batches.length ? [batches[0], batches[batches.length - 1]] : [],
  );
  if (topic.retentionMs === null || ages.length === 0) return;
  const times = ages.map(({ appendedAtMs }) => appendedAtMs);
  const before = topic.ageCutMs === null ? null : { cutMs: topic.ageCutMs, atMs: topic.ageCutAtMs ?? nowMs };
  const { cutMs, atMs } = nextAgeCut({
    nowMs,
    oldestMs: Math.min(...times),
    newestMs: Math.max(...times),
    retentionMs: topic.retentionMs,
    before,
  });
  topic.ageCutMs = cutMs;
  topic.ageCutAtMs = atMs;
}
