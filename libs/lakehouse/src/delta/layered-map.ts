/** Changes kept beside the base before a new base is made. */
const OVERLAY_MAX = 512;

/**
 * An immutable map that shares its bulk with its predecessors: a large base and a small overlay of changes. A commit
 * copies the overlay only, and every few hundred changes the base once, so that committing to a table of 100,000 files
 * costs what it costs for ten. Iteration gives each entry once, in no promised order.
 */
export class LayeredMap<V> {
  static empty<V>(): LayeredMap<V> {
    return new LayeredMap<V>(new Map(), new Map(), 0);
  }

  private constructor(
    private readonly base: ReadonlyMap<string, V>,
    /** `undefined` stands for an entry of the base that is gone. */
    private readonly overlay: ReadonlyMap<string, V | undefined>,
    readonly size: number,
  ) {}

  get(key: string): V | undefined {
    return this.overlay.has(key) ? this.overlay.get(key) : this.base.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** A map with the changes applied in their order; `undefined` deletes. This one stays as it is. */
  with(changes: Iterable<readonly [string, V | undefined]>): LayeredMap<V> {
    const overlay = new Map(this.overlay);
    let size = this.size;
    for (const [key, value] of changes) {
      const had = overlay.has(key) ? overlay.get(key) !== undefined : this.base.has(key);
      size += Number(value !== undefined) - Number(had);
      if (value === undefined && !this.base.has(key)) overlay.delete(key);
      else overlay.set(key, value);
    }
    if (overlay.size === 0) return new LayeredMap(this.base, overlay, size);
    if (overlay.size <= OVERLAY_MAX) return new LayeredMap(this.base, overlay, size);
    const base = new Map(this.base);
    for (const [key, value] of overlay) {
      if (value === undefined) base.delete(key);
      else base.set(key, value);
    }
    return new LayeredMap(base, new Map(), size);
  }

  *entries(): Generator<[string, V]> {
    for (const entry of this.base) if (!this.overlay.has(entry[0])) yield entry as [string, V];
    for (const [key, value] of this.overlay) if (value !== undefined) yield [key, value];
  }

  *values(): Generator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  *keys(): Generator<string> {
    for (const [key] of this.entries()) yield key;
  }
}
