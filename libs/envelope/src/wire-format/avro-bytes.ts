import { isUtf8 } from 'node:buffer';
import { malformed, WireFault } from './wire-fault';

/** Reads the primitives of Avro's binary encoding (specification 1.12); never beyond the end, never more than there is. */
export class AvroBytes {
  private at: number;

  constructor(
    private readonly bytes: Buffer,
    from: number,
  ) {
    this.at = from;
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw malformed('the value ends before its schema does');
    return this.bytes[this.at++];
  }

  boolean(): boolean {
    const byte = this.byte();
    if (byte > 1) throw malformed('a boolean is one byte, 0 or 1');
    return byte === 1;
  }

  /** A zig-zag number of up to 64 bits; a bigint where its digits need one. */
  long(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    let wide = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      wide |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (wide >= 1n << 64n) break;
      const value = (wide >> 1n) ^ -(wide & 1n);
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
    }
    throw malformed('a number has more than 64 bits');
  }

  int(): number {
    const value = this.long();
    if (typeof value === 'bigint' || value !== (value | 0)) throw malformed('an int has 32 bits');
    return value;
  }

  float(): number {
    return this.finite(this.take(4).readFloatLE());
  }

  double(): number {
    return this.finite(this.take(8).readDoubleLE());
  }

  /** Bytes with their length before them. */
  block(): Buffer {
    const length = this.long();
    if (typeof length === 'bigint' || length < 0 || length > this.rest)
      throw malformed('a length is negative or more than the bytes that follow');
    return this.take(length);
  }

  text(): string {
    const bytes = this.block();
    if (!isUtf8(bytes)) throw new WireFault('invalid_utf8', 'a string is UTF-8');
    return bytes.toString('utf8');
  }

  take(count: number): Buffer {
    if (count > this.rest) throw malformed('the value ends before its schema does');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  private finite(value: number): number {
    if (!Number.isFinite(value)) throw new WireFault('invalid_number', 'NaN and Infinity have no JSON form');
    return value;
  }
}
