/** Delays that double from a least to a most, and start again after a success. */
export class Backoff {
  private ms: number;

  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
  ) {
    this.ms = minMs;
  }

  /** The next delay, without taking it. */
  peekMs(): number {
    return this.ms;
  }

  nextMs(): number {
    const now = this.ms;
    this.ms = Math.min(this.ms * 2, this.maxMs);
    return now;
  }

  reset(): void {
    this.ms = this.minMs;
  }
}
