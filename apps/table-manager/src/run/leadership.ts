import type { LeaderLock, LeaderSession } from './leader-lock';

/** What only the leader does. */
export interface LeadersWork {
  /** Leaves nothing running when it rejects. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LeadershipOptions {
  readonly lock: LeaderLock;
  readonly work: LeadersWork;
  /** A standby asks this often whether the lock is free, ms. */
  readonly retryMs: number;
  /** The leader looks this often whether its session still lives, ms; also how long an answer may take. */
  readonly heartbeatMs: number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onChange: (role: 'leader' | 'standby') => void;
  readonly onError: (error: unknown) => void;
}

/**
 * At most one table-manager of a database works at a time, by an advisory lock that lives as long as its session; the
 * others stand by, up and ready, and take over within `retryMs` of its end. The lock keeps two from doing the same
 * work; that nothing is committed twice does not rest on it.
 */
export class Leadership {
  private stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  /** Null until it is known who leads, and after a failure. */
  role: 'leader' | 'standby' | null = null;
  /** Why this process could not lead when the lock was its own. */
  fault: string | null = null;

  constructor(private readonly options: LeadershipOptions) {}

  start(): void {
    this.stopping = new AbortController();
    this.running = this.campaign();
  }

  /** Ends the work, then lets the next one lead. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async campaign(): Promise<void> {
    const { retryMs, sleep, onError } = this.options;
    while (!this.stopping.signal.aborted) {
      try {
        const end = new AbortController();
        const session = await this.options.lock.acquire(() => end.abort());
        if (session) await this.lead(session, end);
        else this.become('standby');
      } catch (error) {
        this.role = null;
        this.fault = error instanceof Error ? error.message : String(error);
        onError(error);
      }
      if (!this.stopping.signal.aborted) await sleep(retryMs, this.stopping.signal).catch(() => undefined);
    }
    this.role = null;
  }

  /** Works until the session is lost, which aborts `end`, or this process stops. */
  private async lead(session: LeaderSession, end: AbortController): Promise<void> {
    const { signal } = this.stopping;
    // Not AbortSignal.any: what it makes and somebody listens to is kept for ever by Node 20.
    const stop = (): void => end.abort();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    try {
      await this.options.work.start();
      this.become('leader');
      try {
        await this.watch(session, end.signal);
      } finally {
        await this.options.work.stop();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      session.release();
    }
  }

  private async watch(session: LeaderSession, end: AbortSignal): Promise<void> {
    const { heartbeatMs, sleep } = this.options;
    while (!end.aborted) {
      await sleep(heartbeatMs, end).catch(() => undefined);
      if (end.aborted) return;
      const answered = session.ping().then(
        () => true,
        () => false,
      );
      const silence = new AbortController();
      const waited = sleep(heartbeatMs, silence.signal).then(
        () => false,
        () => false,
      );
      const alive = await Promise.race([answered, waited]);
      silence.abort();
      if (!alive) return;
    }
  }

  private become(role: 'leader' | 'standby'): void {
    this.fault = null;
    if (this.role === role) return;
    this.role = role;
    this.options.onChange(role);
  }
}
