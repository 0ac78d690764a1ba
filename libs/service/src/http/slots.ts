/**
 * Things that come and go, each in a slot of its own.
 *
 * A Set would do, but each time a Set or Map reorders its table the old table points to the new one: once one of them is
 * old, every later table survives, and so does what was in it. A set of the requests under way kept all requests of a busy
 * service alive until the next major collection, which cost more than half of the time in the collector.
 */
export class Slots<T> {
  private readonly things: (T | undefined)[] = [];
  private readonly free: number[] = [];

  get size(): number {
    return this.things.length - this.free.length;
  }

  /** Returns the slot. */
  put(thing: T): number {
    const slot = this.free.pop();
    if (slot === undefined) return this.things.push(thing) - 1;
    this.things[slot] = thing;
    return slot;
  }

  /** Frees a slot that `put` returned; once only. */
  clear(slot: number): void {
    this.things[slot] = undefined;
    this.free.push(slot);
  }

  /** What is there now, in no order. */
  all(): T[] {
    return this.things.filter((thing) => thing !== undefined);
  }
}
