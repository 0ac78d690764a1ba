import { isUtf8 } from 'node:buffer';
import type { Refusal } from '../envelope';
import { contentId } from '../identity/content-id';
import { duplicateKeyAt, pathAt } from '../json/json-path';
import { parseLossless } from '../json/lossless';
import { Scanner } from '../json/scanner';
import { keyText } from '../json/tokens';
import { ITEM_BYTES_MAX } from '../limits';
import { refusal } from '../refusal';

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * One item being read: its bytes, the scanner's findings and the value. One instance is reused, as reading is
 * synchronous and an item is a few microseconds; what leaves it are strings and parsed values.
 */
export class Item {
  bytes: Buffer = Buffer.alloc(0);
  readonly scanner = new Scanner();
  /** What `parse` built. */
  value: unknown = undefined;
  /** Set while `bytes` are ASCII: byte positions are then positions in this text. */
  private text = '';

  /** Checks the bytes: size, UTF-8, JSON, depth, numbers, surrogates, `__proto__`. Builds nothing. */
  scan(bytes: Buffer): Refusal | null {
    this.bytes = bytes;
    this.value = undefined;
    const { scanner } = this;
    if (bytes.length > ITEM_BYTES_MAX) {
      scanner.topCount = 0;
      return tooLarge(bytes);
    }
    const whole = scanner.run(bytes);
    // Bytes beyond a fault were not looked at, so all of them are checked then.
    if ((!scanner.ascii || !whole) && !isUtf8(bytes)) return refusal('invalid_utf8');
    if (!whole) return this.faultOf();
    if (scanner.protoKeyAt >= 0) return refusal('forbidden_key', undefined, this.pathAt(scanner.protoKeyAt));
    if (scanner.loneSurrogateAt >= 0) return refusal('lone_surrogate', undefined, this.pathAt(scanner.loneSurrogateAt));
    return null;
  }

  /** Takes bytes that are no JSON: checks their size alone. */
  takeOpaque(bytes: Buffer): Refusal | null {
    this.scanner.run(NO_BYTES);
    this.bytes = bytes;
    this.value = undefined;
    return bytes.length > ITEM_BYTES_MAX ? tooLarge(bytes) : null;
  }

  /** Scans, parses into `value`, and checks that no object names a member twice. */
  parse(bytes: Buffer): Refusal | null {
    const refused = this.scan(bytes);
    if (refused) return refused;
    const { scanner } = this;
    this.text = bytes.toString(scanner.ascii ? 'latin1' : 'utf8');
    this.value = JSON.parse(this.text);
    // JSON.parse keeps the last of repeated members, silently: then fewer are found than were written.
    if (countMembers(this.value) === scanner.members) return null;
    const at = duplicateKeyAt(bytes, scanner.valueStart, scanner.valueEnd);
    return refusal('duplicate_key', undefined, this.pathAt(at));
  }

  /** Number of a member of the outermost object, or -1. Escaped names are found too. */
  indexOf(name: string): number {
    const { scanner, bytes } = this;
    for (let m = 0; m < scanner.topCount; m++) {
      const start = scanner.keyStarts[m];
      const length = scanner.keyEnds[m] - start;
      if (length !== name.length) continue;
      let k = 0;
      while (k < length && bytes[start + k] === name.charCodeAt(k)) k++;
      if (k === length) return m;
    }
    if (scanner.escapedKeys) for (let m = 0; m < scanner.topCount; m++) if (this.nameOf(m) === name) return m;
    return -1;
  }

  nameOf(member: number): string {
    return keyText(this.bytes, this.scanner.keyStarts[member], this.scanner.keyEnds[member]);
  }

  /** JSON text of a member's value on one line, as it was written. */
  rawValue(member: number): string {
    return this.raw(this.scanner.valueStarts[member], this.scanner.valueEnds[member]);
  }

  /** JSON text of the whole item on one line, as it was written, without the white space around it. */
  rawItem(): string {
    return this.raw(this.scanner.valueStart, this.scanner.valueEnd);
  }

  /** `"name":value` of a member, as it was written. */
  rawMember(member: number): string {
    const { scanner } = this;
    return `"${this.raw(scanner.keyStarts[member], scanner.keyEnds[member])}":${this.rawValue(member)}`;
  }

  /** A member's value where it is a string; null for any other. For reading without `parse`. */
  stringAt(member: number): string | null {
    const { scanner, bytes } = this;
    const start = scanner.valueStarts[member];
    return bytes[start] === 0x22 ? keyText(bytes, start + 1, scanner.valueEnds[member] - 1) : null;
  }

  /** Whether a member is a string of 1 to `charsMax` visible ASCII characters without escapes: what most names are. */
  isPlainAt(member: number, charsMax: number): boolean {
    const { scanner, bytes } = this;
    const start = scanner.valueStarts[member] + 1;
    const end = scanner.valueEnds[member] - 1;
    if (bytes[start - 1] !== 0x22 || start >= end || end - start > charsMax) return false;
    for (let i = start; i < end; i++) {
      const c = bytes[i];
      if (c <= 0x20 || c >= 0x7f || c === 0x5c) return false;
    }
    return true;
  }

  /** Content id of the parsed item, integers exact. */
  contentId(): string {
    return contentId(this.scanner.longIntegers ? parseLossless(this.bytes.toString('utf8')) : this.value);
  }

  pathAt(position: number): string {
    return pathAt(this.bytes, this.scanner.valueStart, position);
  }

  private raw(start: number, end: number): string {
    const text = this.scanner.ascii ? this.text.slice(start, end) : this.bytes.toString('utf8', start, end);
    // JSON strings hold no raw line break, so each one is white space between tokens, and what follows it is too.
    return this.scanner.lineBreaks ? text.replace(/[\r\n][ \t\r\n]*/g, '') : text;
  }

  private faultOf(): Refusal {
    const { fault, faultAt } = this.scanner;
    const path = this.pathAt(faultAt);
    if (fault === 'depth') return refusal('too_deep', undefined, path);
    if (fault === 'number') return refusal('invalid_number', undefined, path);
    if (faultAt >= this.bytes.length) {
      return refusal(
        'invalid_json',
        `an item is one JSON text (RFC 8259); this one ends too early, at byte ${faultAt}`,
        path,
      );
    }
    const byte = this.bytes[faultAt];
    const shown =
      byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return refusal('invalid_json', `an item is one JSON text (RFC 8259); unexpected ${shown} at byte ${faultAt}`, path);
  }
}

const NO_BYTES = Buffer.alloc(0);

function tooLarge(bytes: Buffer): Refusal {
  return refusal('item_too_large', `an item has at most ${ITEM_BYTES_MAX} bytes; this one has ${bytes.length}`);
}

function countMembers(value: unknown): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object' && element !== null) count += countMembers(element);
  } else if (typeof value === 'object') {
    const object = value as JsonObject;
    for (const key in object) {
      count++;
      const member = object[key];
      if (typeof member === 'object' && member !== null) count += countMembers(member);
    }
  }
  return count;
}
