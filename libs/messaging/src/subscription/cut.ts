import type { DeliveredBatch, DeliveredRecord, LogRecord } from '../port';
import type { ReadLimits, StoredBatch } from './source';

export interface Cut {
  readonly batches: DeliveredBatch[];
  readonly from: number;
  readonly to: number;
  /** The stored batch that the cut ends inside of, so that its rest need not be read again. */
  readonly rest: StoredBatch | null;
}

/**
 * The part of contiguous stored batches that makes one delivery from `from` on. Whole batches while they fit; the
 * first is split when it alone exceeds the limits, at one record at least. Batches read as headers are never split.
 */
export function cut(stored: readonly StoredBatch[], from: number, limits: ReadLimits): Cut {
  const batches: DeliveredBatch[] = [];
  let to = from;
  let events = 0;
  let bytes = 0;
  for (const batch of stored) {
    const end = batch.base + batch.size;
    if (end <= to) continue;
    const skip = to - batch.base;
    const fitting = batch.records
      ? fit(batch.records, skip, limits.eventsMax - events, limits.bytesMax - bytes)
      : { count: batch.size - skip, bytes: 0 };
    const whole = fitting.count === batch.size - skip;
    if (!whole && batches.length > 0) break;
    if (!batch.records && events > 0 && events + fitting.count > limits.eventsMax) break;
    // A single record beyond the limits is delivered alone.
    const forced = fitting.count === 0;
    const count = forced ? 1 : fitting.count;
    batches.push({
      header: batch.header,
      appendedAt: batch.appendedAt,
      base: batch.base,
      size: batch.size,
      records: batch.records ? number(batch.records, batch.base, skip, skip + count) : [],
    });
    to += count;
    events += count;
    bytes += fitting.bytes;
    if (to < end) return { batches, from, to, rest: batch };
    if (forced) break;
  }
  return { batches, from, to, rest: null };
}

function fit(
  records: readonly LogRecord[],
  from: number,
  eventsMax: number,
  bytesMax: number,
): { count: number; bytes: number } {
  let bytes = 0;
  let at = from;
  while (at < records.length && at - from < eventsMax) {
    const next = bytes + records[at].value.length;
    if (next > bytesMax) break;
    bytes = next;
    at++;
  }
  return { count: at - from, bytes };
}

function number(records: readonly LogRecord[], base: number, from: number, to: number): DeliveredRecord[] {
  const out: DeliveredRecord[] = new Array(to - from);
  for (let i = from; i < to; i++) {
    const { key, headers, value } = records[i];
    out[i - from] = { key: key ?? null, headers, value, offset: base + i };
  }
  return out;
}
