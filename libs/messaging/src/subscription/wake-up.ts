import type { Timers } from '../timers';

/** Lets one waiter sleep until something happens or time passes. A notice given while nobody waits is not lost. */
export class WakeUp {
  private noticed = false;
  private resume: (() => void) | null = null;

  constructor(private readonly timers: Timers) {}

  notify(): void {
    this.noticed = true;
    this.resume?.();
  }

  /** Resolves at the next notice, at once if one came since the last wait, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.noticed) {
      await new Promise<void>((resolve) => {
        const cancel = Number.isFinite(ms) ? this.timers.after(ms, resolve) : () => undefined;
        this.resume = () => {
          cancel();
          resolve();
        };
      });
      this.resume = null;
    }
    this.noticed = false;
  }
}
