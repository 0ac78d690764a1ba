import type { Clock } from '@millrace/observability';
import type { PrunedClaims } from '../landing/port';
import type { Candidate, Held } from '../pipeline/dedupe';

export interface LandedBeforeDeps {
  readonly pruned: () => Promise<PrunedClaims | null>;
  /** Those of the candidates that the lake has, among the rows of their own dates. */
  readonly inLake: (old: readonly Candidate[]) => Promise<ReadonlyMap<string, Held>>;
  readonly clock: Clock;
  /** The horizon is looked up this often, ms; pruning has to wait for much longer before it deletes anything. */
  readonly horizonMs?: number;
}

/** A tenth of what pruning waits. */
const HORIZON_MS = 60_000;
const DAY_MS = 86_400_000;

const NONE: ReadonlyMap<string, Held> = new Map();

/**
 * Finds old events that have landed although their claims are gone. A claim is kept for a window from the day it was made
 * or from the event's own day, whichever is later. So an event of a day within the shortest window ever before the
 * horizon has its claim still, whenever it landed; those of earlier days are looked up, by key, among the rows of their
 * own date.
 */
export class LandedBefore {
  private known: { readonly pruned: PrunedClaims | null; readonly untilMs: number } = { pruned: null, untilMs: 0 };
  private readonly horizonMs: number;

  constructor(private readonly deps: LandedBeforeDeps) {
    this.horizonMs = deps.horizonMs ?? HORIZON_MS;
  }

  async find(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, Held>> {
    const pruned = await this.pruned();
    if (pruned === null) return NONE;
    const keptFromMs = Date.parse(pruned.to) - pruned.windowDaysMin * DAY_MS;
    const old = candidates.filter(({ envelope }) => Date.parse(envelope.eventTime) < keptFromMs);
    return old.length === 0 ? NONE : this.deps.inLake(old);
  }

  private async pruned(): Promise<PrunedClaims | null> {
    const nowMs = this.deps.clock.now();
    if (nowMs >= this.known.untilMs || nowMs < this.known.untilMs - this.horizonMs) {
      this.known = { pruned: await this.deps.pruned(), untilMs: nowMs + this.horizonMs };
    }
    return this.known.pruned;
  }
}
