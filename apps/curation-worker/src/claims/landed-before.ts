import { DeltaTable, type Duck, quoteList, TableNotFound } from '@millrace/lakehouse';
import type { Clock } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, EVENTS_TABLE, tableRoot } from '@millrace/topics';
import type { Candidate, Held } from '../pipeline/dedupe';

export interface LandedBeforeDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly prunedTo: () => Promise<string | null>;
  readonly clock: Clock;
}

/** The horizon is looked up this often; pruning waits ten times as long before it deletes anything. */
const HORIZON_MS = 60_000;
const DAY_MS = 86_400_000;
/** Producers' clocks may be ahead of ours: an event may have been claimed a day before its own time. */
const AHEAD_MS_MAX = DAY_MS;
const KEYS_MAX = 1_000;

const NONE: ReadonlyMap<string, Held> = new Map();

/**
 * Finds old events that have landed although their claims are gone. A claim is kept for a window from the day it was
 * made, and an event is claimed after it happened: so an event that happened after the oldest claim kept has its claim
 * still, and only those before it are looked up, by key, among the rows of their own date.
 */
export class LandedBefore {
  private horizon: { readonly day: string | null; readonly untilMs: number } = { day: null, untilMs: 0 };
  private table: DeltaTable | null = null;

  constructor(private readonly deps: LandedBeforeDeps) {}

  async find(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, Held>> {
    const prunedTo = await this.prunedTo();
    if (prunedTo === null) return NONE;
    const old = candidates.filter(
      ({ envelope, windowDays }) => Date.parse(envelope.eventTime) < oldestKept(prunedTo, windowDays),
    );
    return old.length === 0 ? NONE : this.lookUp(old);
  }

  private async prunedTo(): Promise<string | null> {
    const nowMs = this.deps.clock.now();
    if (nowMs >= this.horizon.untilMs || nowMs < this.horizon.untilMs - HORIZON_MS) {
      this.horizon = { day: await this.deps.prunedTo(), untilMs: nowMs + HORIZON_MS };
    }
    return this.horizon.day;
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

/** Events before this time, in ms, may have been claimed on a day whose claims are pruned. */
const oldestKept = (prunedTo: string, windowDays: number): number =>
  Date.parse(prunedTo) - windowDays * DAY_MS + AHEAD_MS_MAX;
