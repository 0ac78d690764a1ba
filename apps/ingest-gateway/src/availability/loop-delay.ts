/** How late a timer may be called where nothing is wrong: its own resolution. */
const RESOLUTION_MS = 1;

/**
 * How late the event loop runs what is due, because of this process's own work: a timer's lateness is what a request
 * waits in its socket before it is read, and no more of it is our doing than the CPU time used meanwhile. The rest is
 * other processes on the machine; taking in less would not make them stop.
 */
export class LoopDelay {
  private before: { readonly dueMs: number; readonly cpuMs: number } | null = null;
  private sumMs = 0;
  private samples = 0;

  constructor(private readonly everyMs: number) {}

  /** To be called every `everyMs`, with the monotonic time and the CPU time that the process has used so far. */
  tick(nowMs: number, cpuMs: number): void {
    if (this.before !== null) {
      const lateMs = Math.max(0, nowMs - this.before.dueMs - RESOLUTION_MS);
      this.sumMs += Math.min(lateMs, cpuMs - this.before.cpuMs);
      this.samples++;
    }
    this.before = { dueMs: nowMs + this.everyMs, cpuMs };
  }

  /** Mean since the last call, ms. */
  take(): number {
    const mean = this.samples === 0 ? 0 : this.sumMs / this.samples;
    this.sumMs = this.samples = 0;
    return mean;
  }
}
