export interface LingerLimits {
  /** At rest, ms. */
  readonly msMin: number;
  /** From `eventsPerSecondFull` on, ms. */
  readonly msMax: number;
  readonly eventsPerSecondFull: number;
  readonly monotonicMs: () => number;
}

/** What landed longer ago counts for little, ms. */
const MEMORY_MS = 2_000;

/**
 * How long a small landing waits for more events. Most of a small landing's cost is the same for one event and for a
 * thousand: at rest nobody minds and events should soon be seen; the more there are, the longer it pays to wait.
 */
export class AdaptiveLinger {
  private events = 0;
  private atMs: number | null = null;

  constructor(private readonly limits: LingerLimits) {}

  landed(events: number): void {
    this.events = this.remembered() + events;
    this.atMs = this.limits.monotonicMs();
  }

  get ms(): number {
    const { msMin, msMax, eventsPerSecondFull } = this.limits;
    const eventsPerSecond = (this.remembered() / MEMORY_MS) * 1_000;
    return msMin + Math.max(0, msMax - msMin) * Math.min(1, eventsPerSecond / eventsPerSecondFull);
  }

  private remembered(): number {
    if (this.atMs === null) return 0;
    return this.events * Math.exp(-(this.limits.monotonicMs() - this.atMs) / MEMORY_MS);
  }
}
