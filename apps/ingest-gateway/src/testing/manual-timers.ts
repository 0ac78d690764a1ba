import type { CommitTimers } from '../capture/group-commit';

interface Due {
  readonly atMs: number;
  readonly fn: () => void;
}

/** Timers that stand still until they are told how much time has passed: for tests and simulations. */
export class ManualTimers implements CommitTimers {
  private nowMs = 0;
  private due: Due[] = [];
  private turn: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, fn };
    this.due.push(timer);
    return () => (this.due = this.due.filter((other) => other !== timer));
  }

  soon(fn: () => void): void {
    this.turn.push(fn);
  }

  /** One turn of the event loop: what was to be called soon, and all that comes of it at once. */
  async next(): Promise<void> {
    for (const fn of this.turn.splice(0)) fn();
    await settle();
  }

  /** Lets time pass, calling what falls due in order, with the turns that come of it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await this.turns();
      const [first] = this.due.sort((a, b) => a.atMs - b.atMs);
      if (!first || first.atMs > untilMs) break;
      this.due.shift();
      this.nowMs = first.atMs;
      first.fn();
    }
    this.nowMs = untilMs;
    await this.turns();
  }

  private async turns(): Promise<void> {
    do await this.next();
    while (this.turn.length > 0);
  }
}

/** Lets promises that are resolved already run what waits for them. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
