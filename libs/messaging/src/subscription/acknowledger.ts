import { MessagingError } from '../port';
import { delay, type Timers } from '../timers';
import { Backoff } from './backoff';
import type { Membership } from './source';

interface Pending {
  readonly epoch: number;
  position: number;
  readonly waiters: { resolve(): void; reject(error: unknown): void }[];
}

/**
 * Stores acknowledged positions, one statement at a time for all partitions: what is acknowledged while one is under
 * way goes together with the next. While the engine is away it keeps trying, until the partition is lost.
 */
export class Acknowledger {
  private pending = new Map<number, Pending>();
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly membership: Membership,
    private readonly timers: Timers,
    /** Whether this member still believes that it owns the partition under the epoch. */
    private readonly owns: (partition: number, epoch: number) => boolean,
    /** The engine says that this partition is no longer owned under the epoch. */
    private readonly onLost: (partition: number, epoch: number) => void,
  ) {}

  /** Resolves once the position is durable, or the partition is lost. */
  acknowledge(partition: number, epoch: number, position: number): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.add(partition, { epoch, position, waiters: [{ resolve, reject }] });
      this.running ??= this.run().finally(() => (this.running = null));
    });
  }

  /** Forgets what waits for this partition: its position belongs to another owner now. */
  drop(partition: number): void {
    const dropped = this.pending.get(partition);
    this.pending.delete(partition);
    dropped?.waiters.forEach(({ resolve }) => resolve());
  }

  /** Resolves when all that was acknowledged so far is stored or dropped. */
  async flush(): Promise<void> {
    await this.running?.catch(() => undefined);
  }

  stop(): void {
    this.stopped = true;
    for (const partition of [...this.pending.keys()]) this.drop(partition);
  }

  private add(partition: number, entry: Pending): void {
    const present = this.pending.get(partition);
    if (present && present.epoch === entry.epoch) {
      present.position = Math.max(present.position, entry.position);
      present.waiters.push(...entry.waiters);
    } else if (present && present.epoch > entry.epoch) {
      entry.waiters.forEach(({ resolve }) => resolve());
    } else {
      present?.waiters.forEach(({ resolve }) => resolve());
      this.pending.set(partition, entry);
    }
  }

  private async run(): Promise<void> {
    const backoff = new Backoff(20, 1_000);
    while (this.pending.size > 0) {
      const sent = this.pending;
      this.pending = new Map();
      const positions = [...sent].map(([partition, { epoch, position }]) => ({ partition, epoch, position }));
      try {
        const owned = new Set(await this.membership.acknowledge(positions));
        backoff.reset();
        for (const [partition, { epoch, waiters }] of sent) {
          if (!owned.has(partition)) this.onLost(partition, epoch);
          waiters.forEach(({ resolve }) => resolve());
        }
      } catch (error) {
        const retry = error instanceof MessagingError && error.canRetry;
        for (const [partition, entry] of sent) {
          if (this.stopped || !this.owns(partition, entry.epoch)) entry.waiters.forEach(({ resolve }) => resolve());
          else if (retry) this.add(partition, entry);
          else entry.waiters.forEach(({ reject }) => reject(error));
        }
        if (this.pending.size > 0) await delay(this.timers, backoff.nextMs());
      }
    }
  }
}
