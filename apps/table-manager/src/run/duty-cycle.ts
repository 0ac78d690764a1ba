/** What is long past counts for little: after this time a third as much, ms. */
const MEMORY_MS = 5_000;

/** The share of the recent past that was spent at work: 0 at rest, towards 1 when there was no pause. */
export class DutyCycle {
  private workedMs = 0;
  private atMs: number | null = null;

  constructor(private readonly monotonicMs: () => number) {}

  /** Some work has just ended. */
  worked(ms: number): void {
    this.workedMs = this.remembered() + ms;
    this.atMs = this.monotonicMs();
  }

  get share(): number {
    return Math.min(1, this.remembered() / MEMORY_MS);
  }

  private remembered(): number {
    if (this.atMs === null) return 0;
    return this.workedMs * Math.exp(-(this.monotonicMs() - this.atMs) / MEMORY_MS);
  }
}
