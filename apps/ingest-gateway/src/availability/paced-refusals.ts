export interface PacedRefusalsOptions {
  /** Refusals given at once in a second, at least; those beyond it wait for their turn. */
  readonly perSecondMin: number;
  /** … and for each request that was handled. */
  readonly perHandled: number;
  /** No refusal waits longer than this, ms. */
  readonly waitMsMax: number;
  readonly monotonicMs: () => number;
}

interface Held {
  readonly sinceMs: number;
  readonly give: () => void;
}

/**
 * Refusals under overload, at a bounded rate. A client that sends again as soon as it is refused costs as much as it is
 * let to, and at ten times the load that is more than there is: refusing alone would take all of the time. A connection
 * whose refusal waits sends nothing and costs nothing meanwhile, and one second is what its client is asked to wait
 * anyway. Below the rate everything is refused at once. The rate follows what is handled, because what a refusal costs is
 * a share of that, on a fast machine and on a slow one.
 */
export class PacedRefusals {
  private readonly held: Held[] = [];
  private tokens: number;
  /** A second's worth may be given in a burst. */
  private readonly tokensMax: number;
  private filledMs: number;

  constructor(private readonly options: PacedRefusalsOptions) {
    this.tokens = this.tokensMax = options.perSecondMin;
    this.filledMs = options.monotonicMs();
  }

  get waiting(): number {
    return this.held.length;
  }

  /** A request was handled. */
  onHandled(): void {
    const { perHandled } = this.options;
    this.tokens = Math.min(this.tokensMax, this.tokens + perHandled);
  }

  /** Calls `give` now or in its turn. */
  refuse(give: () => void): void {
    this.fill();
    if (this.held.length === 0 && this.tokens >= 1) {
      this.tokens--;
      give();
    } else this.held.push({ sinceMs: this.filledMs, give });
  }

  /** Gives what is due, oldest first; to be called every few milliseconds while something waits. */
  tick(): void {
    if (this.held.length === 0) return;
    this.fill();
    const lateMs = this.filledMs - this.options.waitMsMax;
    let given = 0;
    while (given < this.held.length && (this.tokens >= 1 || this.held[given].sinceMs <= lateMs)) {
      this.tokens = Math.max(0, this.tokens - 1);
      this.held[given++].give();
    }
    this.held.splice(0, given);
  }

  /** Gives everything, at a stop. */
  flush(): void {
    for (const { give } of this.held.splice(0)) give();
  }

  private fill(): void {
    const nowMs = this.options.monotonicMs();
    const { perSecondMin } = this.options;
    this.tokens = Math.min(this.tokensMax, this.tokens + ((nowMs - this.filledMs) / 1000) * perSecondMin);
    this.filledMs = nowMs;
  }
}
