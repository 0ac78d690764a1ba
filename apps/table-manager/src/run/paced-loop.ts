export interface PacedLoopOptions {
  /** One round; returns whether there may be more to do at once. */
  readonly round: (signal: AbortSignal) => Promise<boolean>;
  /** Least time from the start of a round that found something to do to the start of the next, ms. */
  readonly everyMs: number;
  /** Without a wake-up a round is begun this long after the last one, ms. */
  readonly idleMs: number;
  /**
   * Rest after a round, as a multiple of the effort that it took: what keeps costly rounds from taking everything. Asked
   * again and again during a rest, which ends early when it has become less. Default 0.
   */
  readonly restShare?: () => number;
  /** A rest is never longer, ms. Default Infinity. */
  readonly restMsMax?: number;
  /** Effort so far, ms. Default the time: CPU time says more where a round also waits, for a disk or for its turn. */
  readonly effortMs?: () => number;
  readonly onError: (error: unknown) => void;
  /** What is said of a failed round as its fault; null where the failure is none. Default its message. */
  readonly faultOf?: (error: unknown) => string | null;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds of a clock that never steps. */
  readonly monotonicMs: () => number;
}

/** A rest is looked at again after this long. */
const REST_STEP_MS = 250;
const FAILED_WAIT_MS_MAX = 30_000;
const FAILED_WAIT_MS_MIN = 100;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs rounds one after another, at a pace; woken early when there is work, later and later after failures. */
export class PacedLoop {
  private stopping = new AbortController();
  private waiting: AbortController | null = null;
  private running: Promise<void> = Promise.resolve();
  private woken = false;
  private failures = 0;
  /** Why the last round failed; null while all is well. */
  fault: string | null = null;

  constructor(private readonly options: PacedLoopOptions) {}

  async start(): Promise<void> {
    this.stopping = new AbortController();
    this.failures = 0;
    this.fault = null;
    this.running = this.run();
  }

  /** Finishes the round under way, whose signal is aborted. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting?.abort();
    await this.running;
  }

  wake(): void {
    this.woken = true;
    this.waiting?.abort();
  }

  private async run(): Promise<void> {
    const { everyMs, idleMs, monotonicMs, effortMs = monotonicMs } = this.options;
    while (!this.stopping.signal.aborted) {
      this.woken = false;
      const began = monotonicMs();
      const effortBefore = effortMs();
      const more = await this.round();
      if (this.failures > 0) {
        const base = Math.max(everyMs, FAILED_WAIT_MS_MIN);
        await this.wait(Math.min(base * 2 ** this.failures, FAILED_WAIT_MS_MAX), false);
        continue;
      }
      // The pace holds also when woken: what comes in meanwhile is done together. A look in vain delays nothing.
      if (more) await this.rest(began, monotonicMs(), Math.min(effortMs() - effortBefore, monotonicMs() - began));
      else if (!this.woken) await this.wait(idleMs - (monotonicMs() - began), true);
    }
  }

  private async rest(beganMs: number, endedMs: number, effortMs: number): Promise<void> {
    const { everyMs, restShare = () => 0, restMsMax = Infinity, monotonicMs } = this.options;
    while (!this.stopping.signal.aborted) {
      const untilMs = Math.max(beganMs + everyMs, endedMs + Math.min(restMsMax, effortMs * restShare()));
      const leftMs = untilMs - monotonicMs();
      if (leftMs <= 0) return;
      await this.wait(Math.min(leftMs, REST_STEP_MS), false);
    }
  }

  private async round(): Promise<boolean> {
    try {
      const more = await this.options.round(this.stopping.signal);
      this.failures = 0;
      this.fault = null;
      return more;
    } catch (error) {
      this.failures = Math.min(this.failures + 1, 16);
      this.fault = (this.options.faultOf ?? messageOf)(error);
      this.options.onError(error);
      return false;
    }
  }

  private async wait(ms: number, untilWoken: boolean): Promise<void> {
    if (ms <= 0 || this.stopping.signal.aborted) return;
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    this.stopping.signal.addEventListener('abort', stop, { once: true });
    if (untilWoken) this.waiting = waiting;
    await this.options.sleep(ms, waiting.signal).catch(() => undefined);
    this.waiting = null;
    this.stopping.signal.removeEventListener('abort', stop);
  }
}
