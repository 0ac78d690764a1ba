import type { Timers } from '../timers';
import { type Pace, PartitionReader } from './partition-reader';

/** The partitions that a subscription reads, and what is asked of them together. */
export class PartitionSet {
  private readonly readers = new Map<number, PartitionReader>();
  private readonly settling = new Set<() => void>();
  private turn = 0;

  constructor(
    private readonly topic: string,
    private readonly ephemeral: boolean,
    private readonly timers: Timers,
  ) {}

  all(): PartitionReader[] {
    return [...this.readers.values()];
  }

  names(): string[] {
    return this.all()
      .sort((a, b) => a.partition - b.partition)
      .map(({ name }) => name);
  }

  get(partition: number): PartitionReader | undefined {
    return this.readers.get(partition);
  }

  /** False once the reader's partition was lost, even if it has been gained again since. */
  has(reader: PartitionReader): boolean {
    return this.readers.get(reader.partition) === reader;
  }

  add(partition: number, epoch: number, attempts: number): PartitionReader {
    const reader = new PartitionReader(this.topic, partition, epoch, attempts, this.ephemeral);
    this.readers.set(partition, reader);
    return reader;
  }

  remove(partition: number): PartitionReader | undefined {
    const reader = this.readers.get(partition);
    this.readers.delete(partition);
    reader?.lose();
    this.checkSettled();
    return reader;
  }

  /** The partition that is due first; among those due now, each in turn. */
  choose(pace: Pace): { reader: PartitionReader | null; dueInMs: number } {
    const nowMs = this.timers.monotonicMs();
    const readers = this.all();
    let reader: PartitionReader | null = null;
    let dueInMs = Infinity;
    for (let i = 0; i < readers.length; i++) {
      const candidate = readers[(this.turn + i) % readers.length];
      const candidateMs = candidate.dueInMs(nowMs, pace);
      if (candidateMs < dueInMs) [reader, dueInMs] = [candidate, candidateMs];
    }
    if (reader && dueInMs === 0) this.turn = (readers.indexOf(reader) + 1) % readers.length;
    return { reader, dueInMs };
  }

  /**
   * Marks `surplus` partitions as to be given up, and no others; those with the least in flight first. Returns the
   * newly marked.
   */
  drain(surplus: number): PartitionReader[] {
    const draining = this.all().filter((reader) => reader.draining);
    for (const reader of draining.slice(surplus)) reader.draining = false;
    const chosen = this.all()
      .filter((reader) => !reader.draining)
      .sort((a, b) => a.inFlight - b.inFlight || b.partition - a.partition)
      .slice(0, Math.max(0, surplus - draining.length));
    for (const reader of chosen) reader.draining = true;
    return chosen;
  }

  /** Resolves when nothing of these is in flight any more, or after `graceMs`. */
  async untilSettled(readers: readonly PartitionReader[], graceMs: number): Promise<void> {
    const settled = (): boolean => readers.every(({ inFlight }) => inFlight === 0);
    if (settled()) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel();
        this.settling.delete(check);
        resolve();
      };
      const check = (): void => (settled() ? finish() : undefined);
      const cancel = this.timers.after(graceMs, finish);
      this.settling.add(check);
    });
  }

  /** To be called when something in flight was acknowledged or handed back. */
  checkSettled(): void {
    for (const check of this.settling) check();
  }
}
