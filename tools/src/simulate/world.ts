import { createHash } from 'node:crypto';
import { SeededRandom } from './random';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  fn: (() => void) | null;
}

/** Where virtual time begins: 2026-03-10T12:00:00Z. */
export const EPOCH_MS = Date.UTC(2026, 2, 10, 12);

/**
 * Virtual time and the one line of events that everything hangs on. An event runs, then whatever waits for promises
 * only, then the next event: so a run is the same whenever its seed is.
 */
export class World {
  nowMs = 0;
  readonly random: SeededRandom;
  /** Why the run was broken off, should a part of it throw where nobody waits. */
  failure: unknown = null;
  private readonly heap: Entry[] = [];
  private orders = 0;
  private readonly hash = createHash('sha256');
  private readonly kept: string[] | null;
  events = 0;

  constructor(
    readonly seed: number,
    options: { readonly keepTrace?: boolean } = {},
  ) {
    this.random = new SeededRandom(seed);
    this.kept = options.keepTrace ? [] : null;
  }

  /** Calls `fn` after so much virtual time; calling the result first prevents it. */
  after(ms: number, fn: () => void): () => void {
    const entry: Entry = { atMs: this.nowMs + Math.max(0, ms), order: this.orders++, fn };
    push(this.heap, entry);
    return () => (entry.fn = null);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Runs until it is true, or virtual time reaches the limit. Returns which. */
  async run(until: () => boolean, limitMs: number): Promise<boolean> {
    await settle();
    while (!until()) {
      const next = pop(this.heap);
      if (!next || next.atMs > limitMs) return false;
      if (!next.fn) continue;
      this.nowMs = next.atMs;
      this.events++;
      next.fn();
      // What takes more turns than these goes on during the next events, as a slow computation would.
      for (let turn = 0; turn < TURNS; turn++) await null;
      if (this.failure) throw this.failure;
    }
    return true;
  }

  /** One line of the trace. */
  trace(line: string): void {
    const text = `${this.nowMs.toFixed(3)} ${line}`;
    this.hash.update(text).update('\n');
    this.kept?.push(text);
  }

  /** The trace's digest; nothing can be traced after it. */
  digest(): string {
    return this.hash.digest('hex');
  }

  get lines(): readonly string[] {
    return this.kept ?? [];
  }
}

/**
 * Turns of waiting promises between two events. A turn of the event loop, after which none waits, costs a hundred times
 * as much; the order is the same in every run with either.
 */
const TURNS = 48;

/** All promises and ticks that can go on have done so before an immediate runs. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const before = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(heap[at], heap[parent])) return;
    [heap[at], heap[parent]] = [heap[parent], heap[at]];
    at = parent;
  }
}

function pop(heap: Entry[]): Entry | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (!last || heap.length === 0) return first;
  heap[0] = last;
  for (let at = 0; ;) {
    const left = 2 * at + 1;
    let least = at;
    if (left < heap.length && before(heap[left], heap[least])) least = left;
    if (left + 1 < heap.length && before(heap[left + 1], heap[least])) least = left + 1;
    if (least === at) return first;
    [heap[at], heap[least]] = [heap[least], heap[at]];
    at = least;
  }
}
