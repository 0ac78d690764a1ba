import { BEGINNING, type Version } from './model';

const KEY_BYTES_MAX = 1_024;
/** Where it ends, its first version, and some three slots of which one is taken. */
const KEY_OVERHEAD_BYTES = 4 + 4 + 12;
/** Since when, and where its text ends. */
const VERSION_OVERHEAD_BYTES = 8 + 4;
const SCRATCH = Buffer.allocUnsafe(KEY_BYTES_MAX + 4);

/**
 * All versions of all keys of a dimension, to be asked which was in force at an instant. Laid out in a few buffers: some
 * 30 bytes a key and version beside their texts, where objects would take several hundred. Immutable.
 */
export class VersionIndex {
  private constructor(
    private readonly keys: Buffer,
    private readonly keyEnds: Uint32Array,
    /** Versions of key i are those from `firstVersion[i]` to `firstVersion[i + 1]`. */
    private readonly firstVersion: Uint32Array,
    private readonly from: Float64Array,
    private readonly texts: Buffer,
    private readonly textEnds: Uint32Array,
    /** Open addressing: key number + 1, or 0. */
    private readonly slots: Uint32Array,
  ) {}

  /** Adds each key once, its versions in the order of their times; then `done`. */
  static builder(): { add(key: string, versions: readonly Version[]): void; done(): VersionIndex } {
    const keys = new Bytes();
    const texts = new Bytes();
    const keyEnds: number[] = [];
    const firstVersion: number[] = [];
    const from: number[] = [];
    const textEnds: number[] = [];
    return {
      add: (key, versions) => {
        keyEnds.push(keys.add(key));
        firstVersion.push(from.length);
        for (const { fromMs, values } of versions) {
          from.push(fromMs);
          textEnds.push(texts.add(values ?? ''));
        }
      },
      done: () => {
        firstVersion.push(from.length);
        const index = new VersionIndex(
          keys.done(),
          Uint32Array.from(keyEnds),
          Uint32Array.from(firstVersion),
          Float64Array.from(from),
          texts.done(),
          Uint32Array.from(textEnds),
          new Uint32Array(2 ** Math.ceil(Math.log2(keyEnds.length * 1.5 + 2))),
        );
        index.fillSlots();
        return index;
      },
    };
  }

  /** Keys, those that are no more among them. */
  get size(): number {
    return this.keyEnds.length;
  }

  get versions(): number {
    return this.from.length;
  }

  /** Memory held, in bytes. */
  get bytes(): number {
    const { keys, keyEnds, firstVersion, from, texts, textEnds, slots } = this;
    return [keys, keyEnds, firstVersion, from, texts, textEnds, slots].reduce((sum, part) => sum + part.byteLength, 0);
  }

  /**
   * Memory that it takes with further versions, in bytes; a little more than it will be where versions replace others.
   *
   * @param keys of those that it does not have
   */
  bytesWith(keys: Iterable<string>, versions: Iterable<Version>): number {
    let { bytes } = this;
    for (const key of keys) bytes += Buffer.byteLength(key) + KEY_OVERHEAD_BYTES;
    for (const { values } of versions) bytes += Buffer.byteLength(values ?? '') + VERSION_OVERHEAD_BYTES;
    return bytes;
  }

  /**
   * The version of a key that is in force at an instant, to be given to `valuesAt`; -1 where there is none.
   *
   * @param instant ISO-8601; it is read only where the key has versions to choose between
   */
  find(key: string, instant: string): number {
    const i = this.keyNumber(key);
    if (i < 0) return -1;
    const first = this.firstVersion[i];
    let last = this.firstVersion[i + 1] - 1;
    if (last > first || this.from[first] > BEGINNING) {
      const ms = Date.parse(instant);
      while (last >= first && this.from[last] > ms) last--;
    }
    return last >= first && this.valuesLength(last) > 0 ? last : -1;
  }

  /** The values of a version as a JSON array. */
  valuesAt(version: number): string {
    return this.texts.toString('utf8', version === 0 ? 0 : this.textEnds[version - 1], this.textEnds[version]);
  }

  has(key: string): boolean {
    return this.keyNumber(key) >= 0;
  }

  versionsOf(key: string): Version[] {
    const i = this.keyNumber(key);
    return i < 0 ? [] : this.versionsAt(i);
  }

  *entries(): Generator<[key: string, versions: Version[]]> {
    for (let i = 0; i < this.size; i++) yield [this.keyAt(i), this.versionsAt(i)];
  }

  private versionsAt(i: number): Version[] {
    const versions: Version[] = [];
    for (let v = this.firstVersion[i]; v < this.firstVersion[i + 1]; v++)
      versions.push({ fromMs: this.from[v], values: this.valuesLength(v) === 0 ? null : this.valuesAt(v) });
    return versions;
  }

  private valuesLength(version: number): number {
    return this.textEnds[version] - (version === 0 ? 0 : this.textEnds[version - 1]);
  }

  private keyAt(i: number): string {
    return this.keys.toString('utf8', i === 0 ? 0 : this.keyEnds[i - 1], this.keyEnds[i]);
  }

  private keyNumber(key: string): number {
    const length = SCRATCH.write(key, 0, 'utf8');
    if (length > KEY_BYTES_MAX) return -1;
    const mask = this.slots.length - 1;
    for (let at = hash(length) & mask; ; at = (at + 1) & mask) {
      const i = this.slots[at] - 1;
      if (i < 0) return -1;
      const start = i === 0 ? 0 : this.keyEnds[i - 1];
      const end = this.keyEnds[i];
      if (end - start === length && SCRATCH.compare(this.keys, start, end, 0, length) === 0) return i;
    }
  }

  private fillSlots(): void {
    const mask = this.slots.length - 1;
    for (let i = 0; i < this.size; i++) {
      const start = i === 0 ? 0 : this.keyEnds[i - 1];
      const length = this.keys.copy(SCRATCH, 0, start, this.keyEnds[i]);
      let at = hash(length) & mask;
      while (this.slots[at] !== 0) at = (at + 1) & mask;
      this.slots[at] = i + 1;
    }
  }
}

/** FNV-1a over the scratch buffer. */
function hash(length: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ SCRATCH[i], 0x01000193);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Texts, one after the other. */
class Bytes {
  private bytes = Buffer.allocUnsafe(1 << 12);
  private length = 0;

  /** @returns where the text ends */
  add(text: string): number {
    const most = this.length + text.length * 3;
    if (most > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(most, this.bytes.length * 2));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    this.length += this.bytes.write(text, this.length, 'utf8');
    return this.length;
  }

  done(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}

export const EMPTY_INDEX = VersionIndex.builder().done();
