import { crc32 } from 'node:zlib';
import type { BatchHeader, Headers, LogRecord } from '../port';
import { CodecError } from './codec-error';
import {
  CHECKSUM_FROM,
  FRAME_LIMITS,
  type FrameLimits,
  MAGIC,
  PREAMBLE_BYTES,
  RECORD_PREFIX_BYTES,
  VERSION,
} from './layout';

export interface Frame {
  /** Null when the frame was encoded without one. */
  readonly header: BatchHeader | null;
  /** Values are views of the frame's own memory: they keep it alive and must not be written to. */
  readonly records: LogRecord[];
}

/**
 * Decodes a frame whole. The checksum is verified before anything else is believed, and every length is checked
 * against the bytes that are there, so that no input makes it allocate more than a small multiple of its own size.
 * @throws CodecError with the reason; never any other error
 */
export function decodeFrame(frame: Buffer, limits: FrameLimits = FRAME_LIMITS): Frame {
  if (frame.length < PREAMBLE_BYTES) throw new CodecError('CODEC_TRUNCATED', `${frame.length} bytes are no frame`);
  if (frame.readUIntLE(0, 3) !== MAGIC) throw new CodecError('CODEC_NOT_A_FRAME', 'the bytes do not begin with MRB');
  if (frame[3] !== VERSION) throw new CodecError('CODEC_VERSION', `frame version ${frame[3]} is not known`);
  if (frame.length > limits.frameBytesMax) {
    throw new CodecError('CODEC_LIMIT', `a frame of ${frame.length} bytes exceeds ${limits.frameBytesMax}`);
  }
  const expected = frame.readUInt32LE(4);
  const actual = crc32(frame.subarray(CHECKSUM_FROM));
  if (expected !== actual) throw new CodecError('CODEC_CHECKSUM', `checksum is ${actual}, the frame says ${expected}`);

  const headBytes = frame.readUInt32LE(8);
  const entries = frame.readUInt32LE(12);
  const count = frame.readUInt32LE(16);
  // Each entry takes 4 bytes at least and each record 12, so the counts are bounded by the length before they size anything.
  if (PREAMBLE_BYTES + headBytes + entries * 4 + count * RECORD_PREFIX_BYTES > frame.length) throw truncated();
  if (count > limits.recordsMax) throw new CodecError('CODEC_LIMIT', `${count} records exceed ${limits.recordsMax}`);

  let at = PREAMBLE_BYTES + headBytes;
  const header = headBytes === 0 ? null : (parseObject(frame, PREAMBLE_BYTES, at, 'header') as unknown as BatchHeader);
  const table: Headers[] = new Array(entries);
  for (let i = 0; i < entries; i++) {
    if (at + 4 > frame.length) throw truncated();
    const end = at + 4 + frame.readUInt32LE(at);
    if (end > frame.length) throw truncated();
    table[i] = Object.freeze(parseObject(frame, at + 4, end, 'headers')) as Headers;
    at = end;
  }
  const records: LogRecord[] = new Array(count);
  for (let i = 0; i < count; i++) {
    if (at + RECORD_PREFIX_BYTES > frame.length) throw truncated();
    const headers = table[frame.readUInt32LE(at)];
    const keyBytes = frame.readInt32LE(at + 4);
    const valueAt = at + RECORD_PREFIX_BYTES + (keyBytes > 0 ? keyBytes : 0);
    const end = valueAt + frame.readUInt32LE(at + 8);
    if (end > frame.length) throw truncated();
    if (headers === undefined)
      throw new CodecError('CODEC_INVALID', `record ${i} names headers that are not in the table`);
    const key = keyBytes < 0 ? null : frame.toString('utf8', at + RECORD_PREFIX_BYTES, valueAt);
    records[i] = { key, headers, value: frame.subarray(valueAt, end) };
    at = end;
  }
  if (at !== frame.length) throw new CodecError('CODEC_INVALID', `${frame.length - at} bytes follow the last record`);
  return { header, records };
}

const truncated = (): CodecError => new CodecError('CODEC_TRUNCATED', 'the frame ends before what it announces');

function parseObject(frame: Buffer, from: number, to: number, what: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(frame.toString('utf8', from, to));
  } catch (cause) {
    throw new CodecError('CODEC_INVALID', `the ${what} are not JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CodecError('CODEC_INVALID', `the ${what} are not a JSON object`);
  }
  return value as Record<string, string>;
}
