import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, type Random, scrub } from '@millrace/observability';
import { isRetryable, reasonOf } from './retryable';

/** Something a service needs while it runs: a pool, a consumer, a writer. */
export interface Resource {
  readonly name: string;
  /** Leaves nothing behind when it rejects: it may be called again. */
  start(): Promise<void>;
  /** Called once after a start that succeeded. */
  stop(): Promise<void>;
  /** Asked at each `/readiness` once started: true, or why not. */
  ready?(): boolean | string;
  /** Something to look at that does not keep it from its work: shown at `/readiness` while it is ready. */
  notice?(): string | null;
  /** Whether a failed start is to be tried again; by default what network and Postgres errors allow. */
  retry?(error: unknown): boolean;
}

export interface Lifecycle {
  /** Declares the next resource; only before the start. */
  add(resource: Resource): void;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  readonly random: Random;
  readonly backoffMsMin?: number;
  readonly backoffMsMax?: number;
  /** Longest time that stopping takes, all resources together. Default 30 s. */
  readonly stopMsMax?: number;
}

type State = 'waiting' | 'starting' | 'started' | 'stopping' | 'stopped' | 'failed';

interface Entry {
  readonly resource: Resource;
  state: State;
  reason?: string;
  /** Settles when a start under way is over, whatever its outcome. */
  underWay?: Promise<void>;
}

export interface Readiness {
  readonly ready: boolean;
  /** `ready`, `ready: <notice>`, or why not, by resource. */
  readonly resources: Record<string, string>;
}

/**
 * Owns what a service runs on. Starts resources one after the other in declared order; when one fails for good, stops
 * the started ones in reverse and rejects. A start that may be retried is, with full-jitter backoff, until it succeeds
 * or the service stops. Stopping goes in reverse, goes on when a stop throws or hangs, and is bounded in time.
 */
export class ResourceLifecycle implements Lifecycle {
  private readonly entries: Entry[] = [];
  private readonly abort = new AbortController();
  private starting?: Promise<void>;
  private stopping?: Promise<readonly Error[]>;

  constructor(private readonly options: LifecycleOptions) {}

  add(resource: Resource): void {
    if (this.starting || this.stopping) throw new Error(`${resource.name}: resources are declared before the start`);
    if (this.entries.some((entry) => entry.resource.name === resource.name)) {
      throw new Error(`two resources are named ${resource.name}`);
    }
    this.entries.push({ resource, state: 'waiting' });
  }

  /** Whether every resource has been started and none is stopping. */
  get started(): boolean {
    return (
      !this.abort.signal.aborted && this.starting !== undefined && this.entries.every((e) => e.state === 'started')
    );
  }

  get stopped(): boolean {
    return this.abort.signal.aborted;
  }

  readiness(): Readiness {
    const resources: Record<string, string> = {};
    let ready = this.starting !== undefined && !this.stopped;
    for (const entry of this.entries) {
      const answer = this.ask(entry);
      const notice = answer === 'ready' ? entry.resource.notice?.() : null;
      resources[entry.resource.name] = notice ? `ready: ${scrub(notice)}` : answer;
      if (answer !== 'ready') ready = false;
    }
    return { ready, resources };
  }

  private ask({ resource, state, reason }: Entry): string {
    if (state !== 'started') return reason === undefined ? state : `${state}: ${scrub(reason)}`;
    if (!resource.ready) return 'ready';
    try {
      const answer = resource.ready();
      return answer === true ? 'ready' : answer === false ? 'not ready' : answer;
    } catch (error) {
      return `not ready: ${scrub(reasonOf(error))}`;
    }
  }

  /** Resolves when all are started; rejects with the first error that no retry can mend, everything rolled back. */
  start(): Promise<void> {
    return (this.starting ??= this.startAll());
  }

  private async startAll(): Promise<void> {
    for (const entry of this.entries) {
      if (this.stopped) return;
      try {
        await this.startOne(entry);
      } catch (error) {
        entry.state = 'failed';
        entry.reason = reasonOf(error);
        if (this.stopped) return;
        this.options.logger.error({ resource: entry.resource.name, error }, 'a resource did not start');
        await this.stop();
        throw error;
      }
    }
  }

  private async startOne(entry: Entry): Promise<void> {
    const { logger, random, backoffMsMin = 100, backoffMsMax = 5_000 } = this.options;
    const { resource } = entry;
    const began = performance.now();
    for (let attempt = 1; ; attempt++) {
      entry.state = 'starting';
      try {
        const start = resource.start();
        entry.underWay = start.catch(() => undefined);
        await start;
        entry.state = 'started';
        entry.reason = undefined;
        logger.debug({ resource: resource.name, attempt, ms: performance.now() - began }, 'resource started');
        return;
      } catch (error) {
        if (this.stopped || !(resource.retry?.(error) ?? isRetryable(error))) throw error;
        entry.reason = reasonOf(error);
        logger.warn({ resource: resource.name, attempt, reason: entry.reason }, 'a resource is away; trying again');
        const ceiling = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempt - 1, 20));
        const delay = Math.max(1, ceiling * (0.5 + random.next() / 2));
        await sleep(delay, undefined, { signal: this.abort.signal }).catch(() => undefined);
        if (this.stopped) throw error;
      }
    }
  }

  /**
   * Stops what is started, in reverse. Within `msMax` each resource gets an equal share of the time that is left;
   * one that takes longer is left behind, so that a hanging stop cannot keep the others from theirs.
   * Resolves with what went wrong; never rejects.
   */
  stop(msMax = this.options.stopMsMax ?? 30_000): Promise<readonly Error[]> {
    return (this.stopping ??= this.stopAll(msMax));
  }

  private async stopAll(msMax: number): Promise<readonly Error[]> {
    const deadline = performance.now() + msMax;
    this.abort.abort();
    const errors: Error[] = [];
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i];
      const shareMs = Math.max(0, deadline - performance.now()) / (i + 1);
      try {
        await within(shareMs, this.stopOne(entry));
      } catch (cause) {
        const error = new Error(`${entry.resource.name} did not stop: ${reasonOf(cause)}`, { cause });
        entry.state = 'failed';
        entry.reason = error.message;
        errors.push(error);
        this.options.logger.error({ resource: entry.resource.name, error }, 'a resource did not stop');
      }
    }
    return errors;
  }

  private async stopOne(entry: Entry): Promise<void> {
    // A start under way cannot be broken off: wait for it, and stop what it brought up.
    await entry.underWay;
    if (entry.state !== 'started') {
      if (entry.state === 'waiting') entry.state = 'stopped';
      return;
    }
    entry.state = 'stopping';
    await entry.resource.stop();
    entry.state = 'stopped';
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  // What is left behind may still reject later; that must not become an unhandled rejection.
  work.catch(() => undefined);
  const late = sleep(ms, undefined, { signal: timer.signal }).then(
    () => {
      throw new Error(`still not done after ${Math.round(ms)} ms`);
    },
    () => undefined,
  );
  try {
    await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
