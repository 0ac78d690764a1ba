import { JSON_DEPTH_MAX } from '../limits';
import { hex4, isFiniteNumber, isNumberName, keyText, literalEnd } from './tokens';

/** Kind of a JSON value, by its first byte. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'literal';

/** Why a scan stopped: not JSON (RFC 8259), a number that is none or too large, or too many containers. */
export type ScanFault = 'syntax' | 'number' | 'depth';

const OBJECT = 1;
const ARRAY = 2;
/** Integers of up to 15 digits are always exact as doubles. */
const EXACT_DIGITS_MAX = 15;
/** Below 309 digits and without a three-digit exponent no number leaves the range of a double. */
const FINITE_DIGITS_MAX = 308;
const PROTO = Buffer.from('__proto__');

/**
 * One pass over the bytes of one JSON text, without building it: checks the whole grammar of RFC 8259 except that bytes
 * above 0x7f are taken as they come (`ascii` says whether there were any), and notes what decoding needs to know.
 *
 * An instance is reused from text to text, because a scan of a small event costs less than the objects that would hold
 * its result; every field below is about the last `run`.
 */
export class Scanner {
  /** Null after a text that is JSON, else why the scan stopped at `faultAt`. The other fields cover what came before. */
  fault: ScanFault | null = null;
  faultAt = 0;
  kind: JsonKind = 'literal';
  /** No byte above 0x7f. */
  ascii = true;
  /** Members of all objects together, a repeated key counted each time. */
  members = 0;
  /** Deepest nesting of containers. */
  depth = 0;
  /** Some integer literal has more than 15 digits: a double may not hold it. */
  longIntegers = false;
  /** Line breaks between tokens (inside strings the grammar has none). */
  lineBreaks = false;
  /** Some key is written with an escape. */
  escapedKeys = false;
  /** Byte position of the first escape that is half a surrogate pair, or -1. */
  loneSurrogateAt = -1;
  /** Byte position of the first `__proto__` key, or -1. */
  protoKeyAt = -1;
  /** Span of the value without the white space around it. */
  valueStart = 0;
  valueEnd = 0;
  /** Members of the outermost object, in document order: spans of keys between their quotes, and of values. */
  topCount = 0;
  keyStarts = new Int32Array(64);
  keyEnds = new Int32Array(64);
  valueStarts = new Int32Array(64);
  valueEnds = new Int32Array(64);

  private readonly stack = new Uint8Array(JSON_DEPTH_MAX + 1);
  private high = 0;
  private escapes = 0;

  /** True when `bytes` from `start` to `end` are one JSON text of at most `JSON_DEPTH_MAX` levels. */
  run(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    this.reset();
    const stack = this.stack;
    let depth = 0;
    let i = skipSpace(bytes, start, end, this);
    let members = 0;
    let top = 0;
    this.valueStart = i;
    let wantsKey = false;
    values: for (;;) {
      if (wantsKey) {
        if (bytes[i] !== 0x22 || i >= end) return this.stop('syntax', i, top, members);
        const keyStart = ++i;
        const escapes = this.escapes;
        i = this.string(bytes, i, end);
        if (i < 0) return this.stop('syntax', ~i, top, members);
        members++;
        if (this.escapes !== escapes) this.escapedKey(bytes, keyStart, i - 1);
        else if (i - keyStart === 10 && bytes[keyStart] === 0x5f && this.protoKeyAt < 0) this.protoKey(bytes, keyStart);
        if (depth === 1) {
          if (top === this.keyStarts.length) this.grow();
          this.keyStarts[top] = keyStart;
          this.keyEnds[top] = i - 1;
        }
        if (bytes[i] !== 0x3a || i >= end) {
          i = skipSpace(bytes, i, end, this);
          if (bytes[i] !== 0x3a || i >= end) return this.stop('syntax', i, top, members);
        }
        i++;
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i, end, this);
        if (depth === 1) this.valueStarts[top] = i;
      }
      if (i >= end) return this.stop('syntax', end, top, members);
      const c = bytes[i];
      if (c === 0x22) {
        if (depth === 0) this.kind = 'string';
        i = this.string(bytes, i + 1, end);
        if (i < 0) return this.stop('syntax', ~i, top, members);
      } else if (c === 0x7b || c === 0x5b) {
        if (depth === 0) this.kind = c === 0x7b ? 'object' : 'array';
        if (depth === JSON_DEPTH_MAX) return this.stop('depth', i, top, members);
        stack[++depth] = c === 0x7b ? OBJECT : ARRAY;
        if (depth > this.depth) this.depth = depth;
        i++;
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i, end, this);
        if (i >= end || bytes[i] !== c + 2) {
          wantsKey = c === 0x7b;
          continue;
        }
        depth--;
        i++;
      } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
        if (depth === 0) this.kind = 'number';
        const next = this.number(bytes, i, end);
        if (next < 0) return this.stop(this.fault ?? 'syntax', ~next, top, members);
        i = next;
      } else {
        const next = literalEnd(bytes, i, end);
        if (next < 0) return this.stop(isNumberName(bytes, i, end) ? 'number' : 'syntax', i, top, members);
        i = next;
      }
      // Behind a value: close containers until another value follows.
      for (;;) {
        if (depth === 1 && stack[1] === OBJECT) this.valueEnds[top++] = i;
        if (depth === 0) {
          this.valueEnd = i;
          i = skipSpace(bytes, i, end, this);
          this.topCount = top;
          this.members = members;
          if (this.high & 0x80) this.ascii = false;
          return i >= end || this.stop('syntax', i, top, members);
        }
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i, end, this);
        if (i >= end) return this.stop('syntax', end, top, members);
        const d = bytes[i];
        if (d === 0x2c) {
          i++;
          if (bytes[i] <= 0x20) i = skipSpace(bytes, i, end, this);
          wantsKey = stack[depth] === OBJECT;
          continue values;
        }
        if (d !== (stack[depth] === OBJECT ? 0x7d : 0x5d)) return this.stop('syntax', i, top, members);
        depth--;
        i++;
      }
    }
  }

  private reset(): void {
    this.fault = null;
    this.faultAt = 0;
    this.kind = 'literal';
    this.ascii = true;
    this.depth = 0;
    this.longIntegers = false;
    this.lineBreaks = false;
    this.escapedKeys = false;
    this.loneSurrogateAt = -1;
    this.protoKeyAt = -1;
    this.high = 0;
    this.escapes = 0;
  }

  private stop(fault: ScanFault, at: number, top: number, members: number): false {
    this.fault = fault;
    this.faultAt = at;
    this.topCount = top;
    this.members = members;
    if (this.high & 0x80) this.ascii = false;
    return false;
  }

  /** Index behind the closing quote, or the complement of the index of what must not be there. */
  private string(bytes: Uint8Array, from: number, end: number): number {
    let i = from;
    let high = 0;
    while (i < end) {
      const c = bytes[i];
      if (c === 0x22) {
        this.high |= high;
        return i + 1;
      }
      if (c === 0x5c) {
        const next = this.escape(bytes, i, end);
        if (next < 0) return next;
        i = next;
        continue;
      }
      if (c < 0x20) return ~i;
      high |= c;
      i++;
    }
    return ~end;
  }

  private escape(bytes: Uint8Array, at: number, end: number): number {
    this.escapes++;
    const c = at + 1 < end ? bytes[at + 1] : 0;
    if (c !== 0x75) {
      // "\/bfnrt
      const known =
        c === 0x22 || c === 0x5c || c === 0x2f || c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74;
      return known ? at + 2 : ~(at + 1 < end ? at + 1 : end);
    }
    const unit = hex4(bytes, at + 2, end);
    if (unit < 0) return ~Math.min(at + 2, end);
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    const pair = unit < 0xdc00 && bytes[at + 6] === 0x5c && bytes[at + 7] === 0x75 ? hex4(bytes, at + 8, end) : -1;
    if (pair >= 0xdc00 && pair <= 0xdfff) return at + 12;
    if (this.loneSurrogateAt < 0) this.loneSurrogateAt = at;
    return at + 6;
  }

  private protoKey(bytes: Uint8Array, start: number): void {
    let k = 1;
    while (k < PROTO.length && bytes[start + k] === PROTO[k]) k++;
    if (k === PROTO.length) this.protoKeyAt = start - 1;
  }

  private escapedKey(bytes: Uint8Array, start: number, end: number): void {
    this.escapedKeys = true;
    if (this.protoKeyAt < 0 && keyText(bytes, start, end) === '__proto__') this.protoKeyAt = start - 1;
  }

  /** Index behind the number, or the complement of the index where it stops being one. */
  private number(bytes: Uint8Array, from: number, end: number): number {
    let i = from;
    if (bytes[i] === 0x2d) i++;
    const digits = i;
    let c = i < end ? bytes[i] : 0;
    if (c === 0x30) {
      i++;
    } else {
      while (i < end && (c = bytes[i]) >= 0x30 && c <= 0x39) i++;
      if (i === digits) {
        if (isNumberName(bytes, i, end)) {
          this.fault = 'number';
          return ~from;
        }
        return ~i;
      }
    }
    const count = i - digits;
    c = i < end ? bytes[i] : 0;
    if (c !== 0x2e && (c | 0x20) !== 0x65) {
      if (count <= EXACT_DIGITS_MAX) return i;
      this.longIntegers = true;
      return count > FINITE_DIGITS_MAX && !this.isFinite(bytes, from, i) ? ~from : i;
    }
    let exponentDigits = 0;
    if (c === 0x2e) {
      const fraction = ++i;
      while (i < end && (c = bytes[i]) >= 0x30 && c <= 0x39) i++;
      if (i === fraction) return ~i;
    }
    if (i < end && (bytes[i] | 0x20) === 0x65) {
      i++;
      if (i < end && (bytes[i] === 0x2b || bytes[i] === 0x2d)) i++;
      const exponent = i;
      while (i < end && (c = bytes[i]) >= 0x30 && c <= 0x39) i++;
      exponentDigits = i - exponent;
      if (exponentDigits === 0) return ~i;
    }
    return (exponentDigits > 2 || count > FINITE_DIGITS_MAX - 99) && !this.isFinite(bytes, from, i) ? ~from : i;
  }

  private isFinite(bytes: Uint8Array, from: number, to: number): boolean {
    if (isFiniteNumber(bytes, from, to)) return true;
    this.fault = 'number';
    return false;
  }

  private grow(): void {
    for (const name of ['keyStarts', 'keyEnds', 'valueStarts', 'valueEnds'] as const) {
      const larger = new Int32Array(this[name].length * 4);
      larger.set(this[name]);
      this[name] = larger;
    }
  }
}

function skipSpace(bytes: Uint8Array, from: number, end: number, scanner: Scanner): number {
  let i = from;
  for (; i < end; i++) {
    const c = bytes[i];
    if (c === 0x20 || c === 0x09) continue;
    if (c !== 0x0a && c !== 0x0d) break;
    scanner.lineBreaks = true;
  }
  return i;
}
