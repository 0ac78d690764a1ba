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

/**
 * Encodes records, and the batch's header when given, as one frame. Records that share a headers object, or whose
 * headers have the same members in the same order, share one entry of the frame's table.
 * @throws CodecError CODEC_LIMIT when the frame would exceed `limits`
 */
export function encodeFrame(
  records: readonly LogRecord[],
  header?: BatchHeader,
  limits: FrameLimits = FRAME_LIMITS,
): Buffer {
  if (records.length > limits.recordsMax) throw tooLarge('records', records.length, limits.recordsMax);
  const head = header === undefined ? '' : JSON.stringify(header);
  const headBytes = Buffer.byteLength(head);
  if (headBytes > limits.headerBytesMax) throw tooLarge('bytes of header', headBytes, limits.headerBytesMax);

  const table = new HeadersTable(limits);
  const entries = new Uint32Array(records.length);
  const keyBytes = new Int32Array(records.length);
  let size = PREAMBLE_BYTES + headBytes + records.length * RECORD_PREFIX_BYTES;
  for (let i = 0; i < records.length; i++) {
    const { key, headers, value } = records[i];
    entries[i] = table.indexOf(headers);
    keyBytes[i] = key == null ? -1 : Buffer.byteLength(key);
    if (keyBytes[i] > limits.keyBytesMax) throw tooLarge('bytes of key', keyBytes[i], limits.keyBytesMax);
    size += value.length + (keyBytes[i] > 0 ? keyBytes[i] : 0);
  }
  size += table.bytes;
  if (size > limits.frameBytesMax) throw tooLarge('bytes', size, limits.frameBytesMax);

  const frame = Buffer.allocUnsafe(size);
  frame.writeUIntLE(MAGIC, 0, 3);
  frame[3] = VERSION;
  frame.writeUInt32LE(headBytes, 8);
  frame.writeUInt32LE(table.texts.length, 12);
  frame.writeUInt32LE(records.length, 16);
  let at = PREAMBLE_BYTES + frame.write(head, PREAMBLE_BYTES);
  for (const text of table.texts) {
    const written = frame.write(text, at + 4);
    frame.writeUInt32LE(written, at);
    at += 4 + written;
  }
  for (let i = 0; i < records.length; i++) {
    const { key, value } = records[i];
    frame.writeUInt32LE(entries[i], at);
    frame.writeInt32LE(keyBytes[i], at + 4);
    frame.writeUInt32LE(value.length, at + 8);
    at += RECORD_PREFIX_BYTES;
    if (key) at += frame.write(key, at);
    frame.set(value, at);
    at += value.length;
  }
  frame.writeUInt32LE(crc32(frame.subarray(CHECKSUM_FROM)), 4);
  return frame;
}

function tooLarge(what: string, actual: number, max: number): CodecError {
  return new CodecError('CODEC_LIMIT', `a frame holds at most ${max} ${what}, not ${actual}`);
}

/** By identity first, so that the thousand records of one request cost one JSON text, then by that text. */
class HeadersTable {
  readonly texts: string[] = [];
  bytes = 0;
  private readonly byObject = new Map<Headers, number>();
  private readonly byText = new Map<string, number>();
  private last: Headers | undefined;
  private lastIndex = 0;

  constructor(private readonly limits: FrameLimits) {}

  indexOf(headers: Headers): number {
    if (headers === this.last) return this.lastIndex;
    let index = this.byObject.get(headers);
    if (index === undefined) {
      const text = JSON.stringify(headers);
      index = this.byText.get(text) ?? this.add(text);
      this.byObject.set(headers, index);
    }
    this.last = headers;
    this.lastIndex = index;
    return index;
  }

  private add(text: string): number {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.limits.headersBytesMax)
      throw tooLarge('bytes of headers a record', bytes, this.limits.headersBytesMax);
    this.bytes += 4 + bytes;
    const index = this.texts.push(text) - 1;
    this.byText.set(text, index);
    return index;
  }
}
