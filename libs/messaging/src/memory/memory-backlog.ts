import type { Backlog, GroupBacklog } from '../port';
import type { MemoryGroup } from './memory-group';
import type { MemoryTopic } from './memory-log';

export function memoryBacklog(topic: MemoryTopic): Backlog {
  return {
    bytes: topic.bytes,
    bytesMax: topic.bytesMax,
    groups: [...topic.groups]
      .map(([name, group]): GroupBacklog => behind(topic, name, group))
      .sort((a, b) => (a.group < b.group ? -1 : 1)),
  };
}

function behind(topic: MemoryTopic, name: string, group: MemoryGroup): GroupBacklog {
  let records = 0;
  let oldestMs = Infinity;
  topic.partitions.forEach((partition, i) => {
    const { next } = group.positions[i];
    if (next >= partition.next) return;
    records += partition.next - next;
    const oldest = partition.batches.find((batch) => batch.base + batch.size > next);
    oldestMs = Math.min(oldestMs, oldest?.appendedAtMs ?? Infinity);
  });
  const ageMs = Number.isFinite(oldestMs) ? Math.max(0, topic.clock.now() - oldestMs) : 0;
  return { group: name, records, ageMs };
}
