import { loggable } from '../landing/failure';
import type { Logger } from '@millrace/observability';
import type { Timers } from '../worker/timers';
import type { ReplayRunner } from './runner';

/** Between two looks that found nothing to do. */
const REST_MS = 500;
/** After a look that failed. */
const TROUBLE_MS = 2_000;

/** Runs rounds of replays and retries, or of other work, for as long as the service does. */
export class ReplayLoop {
  private readonly stopping = new AbortController();
  private resting: AbortController | null = null;
  private woken = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly runner: Pick<ReplayRunner, 'round'>,
    private readonly timers: Pick<Timers, 'sleep'>,
    private readonly logger: Logger,
    /** What it runs, for people. */
    private readonly what = 'replays',
  ) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error(`${this.what} stop`));
    this.wake();
    await this.running;
  }

  /** There is something new to do. Returns at once. */
  wake(): void {
    this.woken = true;
    this.resting?.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.woken = false;
      let restMs = REST_MS;
      try {
        if (await this.runner.round(signal)) restMs = 0;
      } catch (error) {
        if (!signal.aborted) this.logger.warn({ error: loggable(error), task: this.what }, 'background work waits');
        restMs = TROUBLE_MS;
      }
      if (restMs > 0 && !this.woken && !signal.aborted) await this.rest(restMs);
    }
  }

  private async rest(ms: number): Promise<void> {
    this.resting = new AbortController();
    await this.timers.sleep(ms, this.resting.signal).catch(() => undefined);
    this.resting = null;
  }
}
