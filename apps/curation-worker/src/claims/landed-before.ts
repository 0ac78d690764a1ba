import { DeltaTable, type Duck, quoteList, TableNotFound } from '@millrace/lakehouse';
import type { Clock } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, EVENTS_TABLE, tableRoot } from '@millrace/topics';
import type { PrunedClaims } from '../landing/port';
import type { Candidate, Held } from '../pipeline/dedupe';

export interface LandedBeforeDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly pruned: () => Promise<PrunedClaims | null>;
  readonly clock: Clock;
}

/** The horizon is looked up this often; pruning waits ten times as long before it deletes anything. */
const HORIZON_MS = 60_000;
const DAY_MS = 86_400_000;
const KEYS_MAX = 1_000;

const NONE: ReadonlyMap<string, Held> = new Map();

/**
 * Finds old events that have landed although their claims are gone. A claim is kept for a window from the day it was made
 * or from the event's own day, whichever is later. So an event of a day within the shortest window ever before the
 * horizon has its claim still, whenever it landed; those of earlier days are looked up, by key, among the rows of their
 * own date.
 */
export class LandedBefore {
  private known: { readonly pruned: PrunedClaims | null; readonly untilMs: number } = { pruned: null, untilMs: 0 };
  private table: DeltaTable | null = null;

  constructor(private readonly deps: LandedBeforeDeps) {}

  async find(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, Held>> {
    const pruned = await this.pruned();
    if (pruned === null) return NONE;
    const keptFromMs = Date.parse(pruned.to) - pruned.windowDaysMin * DAY_MS;
    const old = candidates.filter(({ envelope }) => Date.parse(envelope.eventTime) < keptFromMs);
    return old.length === 0 ? NONE : this.lookUp(old);
  }

  private async pruned(): Promise<PrunedClaims | null> {
    const nowMs = this.deps.clock.now();
    if (nowMs >= this.known.untilMs || nowMs < this.known.untilMs - HORIZON_MS) {
      this.known = { pruned: await this.deps.pruned(), untilMs: nowMs + HORIZON_MS };
    }
    return this.known.pruned;
  }

  private async lookUp(old: readonly Candidate[]): Promise<Map<string, Held>> {
    const held = new Map<string, Held>();
    const table = await this.open();
    if (!table) return held;
    const snapshot = await table.refresh();
    for (let i = 0; i < old.length; i += KEYS_MAX) {
      const some = old.slice(i, i + KEYS_MAX);
      const dates = [...new Set(some.map(({ envelope }) => envelope.eventTime.slice(0, 10)))];
      const files = table.prune(snapshot, { [EVENT_DATE_COLUMN]: { values: dates } });
      if (files.length === 0) continue;
      const rows = await table.scanSql(snapshot, { files, columns: ['dedupe_key', '_batch_id'] });
      const found = await this.deps.duck.query(
        `SELECT dedupe_key, min(_batch_id) AS batch FROM (${rows}) WHERE dedupe_key IN (SELECT unnest(${quoteList(some.map(({ key }) => key))})) GROUP BY ALL`,
      );
      for (const row of found)
        held.set(String(row['dedupe_key']), { batchId: Number(row['batch']), fingerprint: null });
    }
    return held;
  }

  private async open(): Promise<DeltaTable | null> {
    if (this.table) return this.table;
    try {
      this.table = await DeltaTable.open(this.deps.storage, tableRoot(EVENTS_TABLE), {
        duck: this.deps.duck,
        clock: this.deps.clock,
      });
      return this.table;
    } catch (error) {
      // Nothing has been committed yet, so nothing can have been pruned that is there.
      if (error instanceof TableNotFound) return null;
      throw error;
    }
  }
}
