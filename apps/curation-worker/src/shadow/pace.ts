import type { Timers } from '../worker/timers';

/** Time that was lost otherwise is made up for no longer than this, ms. */
const BEHIND_MS_MAX = 500;
/** Shortest wait that is worth a timer, ms. */
const WAIT_MS_MIN = 5;

/** Keeps work below so many items a second, and lets what else the process does have its turns. */
export class Pace {
  private beganMs: number;
  private done = 0;

  constructor(
    private readonly itemsPerSecondMax: number,
    private readonly timers: Pick<Timers, 'sleep'>,
    private readonly monotonicMs: () => number,
  ) {
    this.beganMs = monotonicMs();
  }

  /** So many items were done: waits until they may have been. */
  async passed(items: number, signal: AbortSignal): Promise<void> {
    this.done += items;
    const dueMs = this.beganMs + (this.done / this.itemsPerSecondMax) * 1_000;
    const aheadMs = dueMs - this.monotonicMs();
    if (aheadMs < -BEHIND_MS_MAX) this.beganMs -= aheadMs + BEHIND_MS_MAX;
    await this.timers.sleep(aheadMs >= WAIT_MS_MIN ? aheadMs : 0, signal);
  }
}
