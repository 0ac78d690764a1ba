import type { Random } from '@millrace/observability';
import type { Timers } from './timers';

/** Exponential waits with full jitter, so that workers that failed together do not come back together. */
export class JitteredBackoff {
  constructor(
    private readonly random: Random,
    private readonly timers: Pick<Timers, 'sleep'>,
    private readonly msMin = 50,
    private readonly msMax = 5_000,
  ) {}

  /** @throws AbortError at once when `signal` is or becomes aborted */
  async wait(failures: number, signal?: AbortSignal): Promise<void> {
    const ceiling = Math.min(this.msMax, this.msMin * 2 ** Math.min(failures - 1, 20));
    await this.timers.sleep(ceiling * (0.5 + this.random.next() / 2), signal);
  }
}
