import type { Clock } from '@millrace/observability';
import { decodeFrame, encodeFrame } from '../codec';
import { type Appended, type BatchHeader, MessagingError, type RecordBatch, type TopicOptions } from '../port';
import { place } from '../placement';
import type { ReadLimits, ReadResult, SourceListener, StoredBatch } from '../subscription/source';
import { MemoryGroup } from './memory-group';
import { trimMemory } from './memory-trim';

/** A batch as it is kept: encoded, so that what a reader gets shares nothing with what the writer handed in. */
export interface MemoryBatch {
  readonly appendId: string;
  readonly header: BatchHeader;
  readonly frame: Buffer;
  readonly base: number;
  readonly size: number;
  readonly bytes: number;
  readonly appendedAtMs: number;
}

export class MemoryPartition {
  readonly batches: MemoryBatch[] = [];
  start = 0;
  next = 0;
  bytes = 0;
}

export class MemoryTopic {
  readonly partitions: MemoryPartition[] = [];
  readonly groups = new Map<string, MemoryGroup>();
  readonly listeners = new Set<SourceListener>();
  readonly appended = new Map<string, Appended[]>();
  retentionMs: number | null = null;
  bytesMax: number | null = null;
  ageCutMs: number | null = null;
  ageCutAtMs: number | null = null;

  constructor(
    readonly name: string,
    readonly clock: Clock,
  ) {}

  get bytes(): number {
    return this.partitions.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  widen({ partitions, retentionMs, bytesMax }: TopicOptions): void {
    while (this.partitions.length < partitions) {
      this.partitions.push(new MemoryPartition());
      for (const group of this.groups.values()) group.addPartition(0);
    }
    this.retentionMs = retentionMs ?? this.retentionMs;
    this.bytesMax = bytesMax ?? this.bytesMax;
  }

  ensureGroup(name: string, from: 'earliest' | 'latest'): MemoryGroup {
    let group = this.groups.get(name);
    if (!group) {
      group = new MemoryGroup(name, this.clock);
      for (const partition of this.partitions) group.addPartition(from === 'latest' ? partition.next : partition.start);
      this.groups.set(name, group);
    }
    return group;
  }

  append(batch: RecordBatch, named: string | undefined, keepMs: number): Appended[] {
    const { header } = batch;
    const repeated = this.appended.get(header.appendId);
    if (repeated) return repeated;
    const atMs = this.clock.now();
    const parts = place(batch, this.partitions.length, named).map(({ partition, records }) => {
      const frame = encodeFrame(records);
      return {
        partition,
        size: records.length,
        frame,
        bytes: frame.length + Buffer.byteLength(JSON.stringify(header)),
      };
    });
    const adding = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const max = this.bytesMax ?? Infinity;
    if (this.bytes + adding > max) trimMemory(this, keepMs);
    if (this.bytes + adding > max) {
      throw new MessagingError('MESSAGING_FULL', `topic ${this.name} holds ${this.bytes} of ${max} bytes`, {
        topic: this.name,
      });
    }
    const stored = JSON.parse(JSON.stringify(header)) as BatchHeader;
    const results = parts.map(({ partition, size, frame, bytes }) => {
      const log = this.partitions[partition];
      const base = log.next;
      log.batches.push({ appendId: header.appendId, header: stored, frame, base, size, bytes, appendedAtMs: atMs });
      log.next += size;
      log.bytes += bytes;
      return { partition: String(partition), base, count: size };
    });
    if (results.length > 0) this.appended.set(header.appendId, results);
    const ends = new Map(parts.map(({ partition }) => [partition, this.partitions[partition].next]));
    for (const listener of this.listeners) listener.onEnds(ends);
    return results;
  }

  read(partition: number, from: number, { eventsMax, bytesMax, headersOnly }: ReadLimits): ReadResult {
    const log = this.partitions[partition];
    const lost = from < log.start || from > log.next;
    if (lost) return { batches: [], limited: false, lost: { start: log.start, end: log.next } };
    const batches: StoredBatch[] = [];
    let events = 0;
    let bytes = 0;
    for (let i = firstAtOrAfter(log.batches, from); i < log.batches.length; i++) {
      const { header, frame, base, size, appendedAtMs } = log.batches[i];
      events += base + size - Math.max(base, from);
      bytes += headersOnly ? 0 : frame.length;
      if (batches.length > 0 && (events > eventsMax || bytes > bytesMax)) return { batches, limited: true };
      const records = headersOnly ? null : decodeFrame(frame).records;
      batches.push({ header, appendedAt: new Date(appendedAtMs), base, size, records });
    }
    return { batches, limited: false };
  }

  tellGroupChanged(group: string): void {
    for (const listener of this.listeners) listener.onGroupChanged(group);
  }
}

/** Index of the batch that holds `offset`, or of the end. */
function firstAtOrAfter(batches: readonly MemoryBatch[], offset: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (batches[middle].base + batches[middle].size <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The log itself. Several `createMemoryMessaging({ log })` over one are like several processes over one broker. */
export class MemoryLog {
  readonly topics = new Map<string, MemoryTopic>();

  constructor(readonly clock: Clock) {}

  ensureTopic(name: string, options: TopicOptions): void {
    const topic = this.topics.get(name) ?? new MemoryTopic(name, this.clock);
    topic.widen(options);
    this.topics.set(name, topic);
  }

  topic(name: string): MemoryTopic {
    const topic = this.topics.get(name);
    if (!topic) throw new MessagingError('MESSAGING_NO_TOPIC', `there is no topic ${name}`, { topic: name });
    return topic;
  }
}
