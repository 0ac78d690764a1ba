import { setMaxListeners } from 'node:events';
import type { Clock } from '@millrace/observability';
import { LOAD_REQUESTS_MAX, LOADS_KEPT_MAX, LOADS_RUNNING_MAX } from '../limits';
import { Ledger, type LedgerReport } from './ledger';
import { manifestOf } from './manifest';
import { itemsOf, type LoadSpec } from './plan';
import { type LoadDeps, runLoad } from './run';

export type LoadState = 'running' | 'finished' | 'cancelled';

export interface LoadStatus extends LedgerReport {
  readonly id: string;
  readonly state: LoadState;
  readonly request: Omit<LoadSpec, 'fromMs'> & { readonly from: string };
  readonly items: number;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly elapsedSeconds: number;
  /** Over the time until now; once finished, over the time until the last answer. */
  readonly offeredPerSecond: number;
  readonly acknowledgedPerSecond: number;
}

export interface LoadsDeps extends LoadDeps {
  readonly clock: Clock;
  readonly newId: () => string;
}

interface Load {
  readonly id: string;
  readonly spec: LoadSpec;
  readonly ledger: Ledger;
  readonly abort: AbortController;
  readonly startedMs: number;
  readonly began: number;
  state: LoadState;
  ended: { readonly atMs: number; readonly monotonicMs: number } | null;
  done: Promise<void>;
}

/**
 * The loads of this process, in memory: a restart forgets them and resumes nothing; what they had sent stays sent.
 * A few run at once, the last few that ended can still be asked for.
 */
export class Loads {
  private readonly loads = new Map<string, Load>();

  constructor(private readonly deps: LoadsDeps) {}

  get running(): number {
    return [...this.loads.values()].filter(({ state }) => state === 'running').length;
  }

  /** Starts a load; null where as many as may already run. */
  start(spec: LoadSpec): LoadStatus | null {
    if (this.running >= LOADS_RUNNING_MAX) return null;
    const { clock, monotonicMs, newId } = this.deps;
    const load: Load = {
      id: newId(),
      spec,
      ledger: new Ledger(spec),
      abort: new AbortController(),
      startedMs: clock.now(),
      began: monotonicMs(),
      state: 'running',
      ended: null,
      done: Promise.resolve(),
    };
    // Every request on its way listens to it.
    setMaxListeners(2 * LOAD_REQUESTS_MAX, load.abort.signal);
    this.loads.set(load.id, load);
    load.done = runLoad(spec, load.ledger, this.deps, load.abort.signal).finally(() => {
      load.state = load.abort.signal.aborted ? 'cancelled' : 'finished';
      load.ended = { atMs: clock.now(), monotonicMs: monotonicMs() };
      this.forgetOldest();
    });
    return this.statusOf(load);
  }

  /** Newest first. */
  list(): LoadStatus[] {
    return [...this.loads.values()].reverse().map((load) => this.statusOf(load));
  }

  get(id: string): LoadStatus | null {
    const load = this.loads.get(id);
    return load ? this.statusOf(load) : null;
  }

  /** Stops a load and resolves when its last request is settled; null where there is none. One that ended stays so. */
  async cancel(id: string): Promise<LoadStatus | null> {
    const load = this.loads.get(id);
    if (!load) return null;
    if (load.state === 'running') load.abort.abort();
    await load.done;
    return this.statusOf(load);
  }

  manifest(id: string): AsyncIterable<string> | null {
    const load = this.loads.get(id);
    return load ? manifestOf(load.spec, load.ledger) : null;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.loads.keys()].map((id) => this.cancel(id)));
  }

  private forgetOldest(): void {
    const ended = [...this.loads.values()].filter(({ state }) => state !== 'running');
    for (const { id } of ended.slice(0, Math.max(0, ended.length - LOADS_KEPT_MAX))) this.loads.delete(id);
  }

  private statusOf({ id, spec, ledger, startedMs, began, state, ended }: Load): LoadStatus {
    const { fromMs, ...request } = spec;
    const report = ledger.report();
    const seconds = Math.max(1e-3, ((ended?.monotonicMs ?? this.deps.monotonicMs()) - began) / 1_000);
    const iso = (ms: number): string => new Date(ms).toISOString();
    return {
      id,
      state,
      request: { ...request, from: iso(fromMs) },
      items: itemsOf(spec),
      startedAt: iso(startedMs),
      endedAt: ended && iso(ended.atMs),
      elapsedSeconds: seconds,
      // A load is offered over its own time, not over the time that its last answers took.
      offeredPerSecond: report.offered / (state === 'running' ? seconds : Math.min(seconds, spec.seconds)),
      acknowledgedPerSecond: report.acknowledged / seconds,
      ...report,
    };
  }
}
