import { crc32 } from 'node:zlib';
import { type LogRecord, MessagingError, type RecordBatch } from './port';

export interface AppendLimits {
  /** Bytes of one record's value. */
  readonly recordBytesMax: number;
  /** Bytes of a batch's values together. */
  readonly batchBytesMax: number;
  readonly batchRecordsMax: number;
}

export const APPEND_LIMITS: AppendLimits = {
  recordBytesMax: 8 * 1024 * 1024,
  batchBytesMax: 32 * 1024 * 1024,
  batchRecordsMax: 100_000,
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Checks a batch before it is appended. Returns the bytes of its values.
 * @throws MessagingError MESSAGING_TOO_LARGE; TypeError for a header that contradicts the records (a mistake in the code)
 */
export function checkBatch({ header, records }: RecordBatch, limits: AppendLimits = APPEND_LIMITS): number {
  if (!UUID.test(header.appendId)) throw new TypeError(`an append id is a UUID, not ${header.appendId}`);
  if (records.length > limits.batchRecordsMax)
    throw tooLarge('a batch', records.length, limits.batchRecordsMax, 'records');
  let bytes = 0;
  for (const { value } of records) {
    if (value.length > limits.recordBytesMax) throw tooLarge('a record', value.length, limits.recordBytesMax, 'bytes');
    bytes += value.length;
  }
  if (bytes > limits.batchBytesMax) throw tooLarge('a batch', bytes, limits.batchBytesMax, 'bytes');
  const counted = header.counts?.reduce((sum, row) => sum + row.count, 0);
  if (counted !== undefined && counted !== records.length) {
    throw new TypeError(`the header counts ${counted} records, the batch holds ${records.length}`);
  }
  return bytes;
}

function tooLarge(what: string, actual: number, max: number, unit: string): MessagingError {
  return new MessagingError('MESSAGING_TOO_LARGE', `${what} holds at most ${max} ${unit}, not ${actual}`);
}

export interface Placed {
  readonly partition: number;
  readonly records: readonly LogRecord[];
}

/**
 * Which records go where, by ascending partition. A key always leads to the same one of `partitions`; so does an append
 * id, which is why repeating an append of unknown outcome meets its first attempt.
 */
export function place({ header, records }: RecordBatch, partitions: number, named?: string): Placed[] {
  if (records.length === 0) return [];
  const home = named === undefined ? crc32(header.appendId.toLowerCase()) % partitions : Number(named);
  if (!(Number.isInteger(home) && home >= 0 && home < partitions)) {
    throw new MessagingError('MESSAGING_NO_TOPIC', `there is no partition ${named}, only 0 to ${partitions - 1}`);
  }
  if (records.every((record) => record.key == null)) return [{ partition: home, records }];
  const placed = new Map<number, LogRecord[]>();
  for (const record of records) {
    const partition = record.key == null ? home : crc32(record.key) % partitions;
    const list = placed.get(partition);
    if (list) list.push(record);
    else placed.set(partition, [record]);
  }
  if (placed.size > 1 && (header.counts || header.producer)) {
    // Each stored part would carry the whole batch's counts, and whoever adds them up would count it several times.
    throw new TypeError(
      'a batch with counts or a producer sequence goes to one partition; its keys spread it over several',
    );
  }
  return [...placed].sort(([a], [b]) => a - b).map(([partition, list]) => ({ partition, records: list }));
}
