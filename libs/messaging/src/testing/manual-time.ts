import type { Clock } from '@millrace/observability';
import type { Timers } from '../timers';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock and timers that stand still until told to advance. */
export class ManualTime implements Clock, Timers {
  private entries: Entry[] = [];
  private orders = 0;

  constructor(private nowMs = 1_700_000_000_000) {}

  now(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    const entry = { atMs: this.nowMs + Math.max(0, ms), order: this.orders++, fn };
    this.entries.push(entry);
    return () => {
      this.entries = this.entries.filter((other) => other !== entry);
    };
  }

  /** Runs what falls due in the next `ms`, in its order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const next = this.entries
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (!next) break;
      this.entries = this.entries.filter((entry) => entry !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fn();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

/** Lets everything that waits for promises only, however deep, go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}
