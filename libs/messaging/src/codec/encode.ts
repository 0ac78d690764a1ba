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
 * Encodes records, and the batch's header when given, as one frame.
 * @throws CodecError CODEC_LIMIT when the frame would exceed `limits`
 */
export function encodeFrame(records: readonly LogRecord[], header?: BatchHeader, limits?: FrameLimits): Buffer {
  const frame = new FrameWriter(records, header, limits);
  const bytes = Buffer.allocUnsafe(frame.length);
  frame.write(bytes, 0);
  return bytes;
}

/**
 * A frame that is measured and not yet written, so that it can be written where it is sent from. Records that share a
 * headers object, or whose headers have the same members in the same order, share one entry of the frame's table.
 */
export class FrameWriter {
  /** Bytes. */
  readonly length: number;
  private readonly head: string;
  private readonly headBytes: number;
  private readonly table: HeadersTable;
  private readonly entries: Uint32Array;
  private readonly keyBytes: Int32Array;

  /** @throws CodecError CODEC_LIMIT when the frame would exceed `limits` */
  constructor(
    private readonly records: readonly LogRecord[],
    header?: BatchHeader,
    limits: FrameLimits = FRAME_LIMITS,
  ) {
    if (records.length > limits.recordsMax) throw tooLarge('records', records.length, limits.recordsMax);
    this.head = header === undefined ? '' : JSON.stringify(header);
    this.headBytes = Buffer.byteLength(this.head);
    if (this.headBytes > limits.headerBytesMax)
      throw tooLarge('bytes of header', this.headBytes, limits.headerBytesMax);

    const table = (this.table = new HeadersTable(limits));
    const entries = (this.entries = new Uint32Array(records.length));
    const keyBytes = (this.keyBytes = new Int32Array(records.length));
    let size = PREAMBLE_BYTES + this.headBytes + records.length * RECORD_PREFIX_BYTES;
    for (let i = 0; i < records.length; i++) {
      const { key, headers, value } = records[i];
      entries[i] = table.indexOf(headers);
      keyBytes[i] = key == null ? -1 : Buffer.byteLength(key);
      if (keyBytes[i] > limits.keyBytesMax) throw tooLarge('bytes of key', keyBytes[i], limits.keyBytesMax);
      size += value.length + (keyBytes[i] > 0 ? keyBytes[i] : 0);
    }
    this.length = size + table.bytes;
    if (this.length > limits.frameBytesMax) throw tooLarge('bytes', this.length, limits.frameBytesMax);
  }

  /** Writes all of it. `target` has room for `length` bytes from `start` on. */
  write(target: Buffer, start: number): void {
    const { records, entries, keyBytes, table } = this;
    target.writeUIntLE(MAGIC, start, 3);
    target[start + 3] = VERSION;
    target.writeUInt32LE(this.headBytes, start + 8);
    target.writeUInt32LE(table.texts.length, start + 12);
    target.writeUInt32LE(records.length, start + 16);
    let at = start + PREAMBLE_BYTES;
    at += target.write(this.head, at);
    for (const text of table.texts) {
      const written = target.write(text, at + 4);
      target.writeUInt32LE(written, at);
      at += 4 + written;
    }
    for (let i = 0; i < records.length; i++) {
      const { key, value } = records[i];
      target.writeUInt32LE(entries[i], at);
      target.writeInt32LE(keyBytes[i], at + 4);
      target.writeUInt32LE(value.length, at + 8);
      at += RECORD_PREFIX_BYTES;
      if (key) at += target.write(key, at);
      target.set(value, at);
      at += value.length;
    }
    target.writeUInt32LE(crc32(target.subarray(start + CHECKSUM_FROM, start + this.length)), start + 4);
  }
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
