export interface PaceLimits {
  /** Least time from one publication to the next, ms. */
  readonly msMin: number;
  /** The wait doubles up to this, ms. */
  readonly msMax: number;
  /** Milliseconds of a clock that never steps. */
  readonly monotonicMs: () => number;
}

/**
 * When contracts may be published next. Each publication is a change for every service, so the wait doubles while one
 * follows another as soon as it may; each further wait in which nothing was published halves it again. What comes first
 * after a quiet time is published at once.
 */
export class Pace {
  private waitMs = 0;
  private lastMs = -Infinity;

  constructor(private readonly limits: PaceLimits) {}

  get isOpen(): boolean {
    return this.limits.monotonicMs() - this.lastMs >= this.waitMs;
  }

  published(): void {
    const { msMin, msMax, monotonicMs } = this.limits;
    const nowMs = monotonicMs();
    const quietMs = nowMs - this.lastMs - this.waitMs;
    const halvings = this.waitMs === 0 ? Infinity : Math.floor(Math.max(0, quietMs) / this.waitMs);
    this.waitMs = Math.min(msMax, Math.max(msMin, this.waitMs * 2 ** (1 - halvings)));
    this.lastMs = nowMs;
  }
}
