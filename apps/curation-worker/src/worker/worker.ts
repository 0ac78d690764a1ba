import { failureOf, loggable } from '../landing/failure';
import type { Logger } from '@millrace/observability';
import type { ContractsKeeper } from '../contracts/keeper';
import type { LandingStore } from '../landing/port';
import type { JitteredBackoff } from './backoff';
import { Session, type SessionDeps, type SessionOptions } from './session';

export interface WorkerDeps extends SessionDeps {
  readonly store: LandingStore;
  readonly keeper: ContractsKeeper;
  readonly backoff: JitteredBackoff;
  readonly logger: Logger;
  /** Milliseconds of a clock that never steps. */
  readonly monotonicMs: () => number;
  /** Shown beside the epoch. */
  readonly member: string;
}

/** Drain of landings under way, at most; then they are abandoned, and whoever takes the partitions redoes them. */
const DRAIN_MS_MAX = 20_000;
/** A session that lasted this long began well: the next one does not wait for the failures before it. */
const SOUND_SESSION_MS_MIN = 30_000;

/**
 * Curates for as long as it runs: one session after the other, each under an epoch of its own. A session ends when the
 * worker stops, when its epoch is declared dead, or when its subscription fails; only the first ends the worker.
 */
export class CurationWorker {
  private session: Session | null = null;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private waitingFor: string | null = 'not started';
  private trouble: string | null = null;

  constructor(
    private readonly deps: WorkerDeps,
    private readonly options: SessionOptions,
  ) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the worker stops'));
    const { session } = this;
    const drained = new AbortController();
    void this.deps.timers.sleep(DRAIN_MS_MAX, drained.signal).then(
      () => session?.cancel(new Error('the drain took too long')),
      () => undefined,
    );
    await session?.close();
    await this.running;
    drained.abort();
  }

  /** True, or why events do not land now. */
  ready(): boolean | string {
    const stopped = this.session
      ? [...this.session.partitions.values()].find((partition) => partition.stopped !== null)
      : undefined;
    if (stopped) return `partition ${stopped.id.partition} has stopped: ${stopped.stopped}`;
    // Trouble is over with the landing that had it, also where that was given up.
    return this.waitingFor ?? (this.inFlight > 0 ? this.trouble : null) ?? true;
  }

  /** Told of failures that landings wait out; null when one has landed after that. */
  noteTrouble(error: Error | null): void {
    if (error) this.deps.logger.warn({ error }, 'landing waits');
    this.trouble = error ? `landing waits: ${error.message}` : null;
  }

  get inFlight(): number {
    return this.session?.inFlight ?? 0;
  }

  /** The next offset to land, by partition held. */
  positions(): ReadonlyMap<string, number> {
    return new Map([...(this.session?.partitions ?? [])].map(([partition, { next }]) => [partition, next]));
  }

  get epoch(): number | null {
    return this.session?.epoch ?? null;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      const began = this.deps.monotonicMs();
      try {
        await this.contractsKnown(signal);
        if (signal.aborted) return;
        await this.runSession();
      } catch (error) {
        if (signal.aborted) return;
        if (this.deps.monotonicMs() - began > SOUND_SESSION_MS_MIN) failures = 0;
        this.waitingFor = `starting again after: ${failureOf(error)}`;
        this.deps.logger.error({ error: loggable(error) }, 'a session of the worker ended');
        await this.deps.backoff.wait(++failures, signal).catch(() => undefined);
      }
    }
  }

  /** Waits for the first contracts: without them events would land unchecked. */
  private async contractsKnown(signal: AbortSignal): Promise<void> {
    for (let tries = 1; !signal.aborted; tries++) {
      await this.deps.keeper.refresh();
      if (this.deps.keeper.current) return;
      this.waitingFor = 'no contracts have been published yet';
      await this.deps.backoff.wait(Math.min(tries, 4), signal).catch(() => undefined);
    }
  }

  private async runSession(): Promise<void> {
    const { store, member } = this.deps;
    const epoch = await store.register(member);
    await this.deps.failpoint('registered');
    this.session = new Session(epoch, this.deps, this.options);
    this.waitingFor = null;
    try {
      if (!this.stopping.signal.aborted) await this.session.run();
    } finally {
      this.session = null;
      await store
        .retire(epoch)
        .catch((error: unknown) =>
          this.deps.logger.warn({ epoch, error }, 'an epoch was not retired; it will be found dead'),
        );
    }
  }
}
