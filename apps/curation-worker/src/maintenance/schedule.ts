import type { Logger } from '@millrace/observability';
import type { Timers } from '../worker/timers';

interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** Runs jobs in the background: each at its own pace, never twice at once; a failure waits for the next round. */
export class Schedule {
  private readonly stopping = new AbortController();
  private readonly ends: (() => void)[] = [];
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    private readonly jobs: readonly Job[],
    private readonly timers: Pick<Timers, 'every'>,
    private readonly logger: Logger,
  ) {}

  start(): void {
    for (const job of this.jobs) this.ends.push(this.timers.every(job.everyMs, () => void this.run(job)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const end of this.ends) end();
    await Promise.all(this.running.values());
  }

  private run(job: Job): void {
    if (this.running.has(job.name)) return;
    const done = job
      .run(this.stopping.signal)
      .catch((error: unknown) => this.logger.warn({ task: job.name, error }, 'background work failed'))
      .finally(() => this.running.delete(job.name));
    this.running.set(job.name, done);
  }
}
