import { DeltaTable, type Duck, quoteList, TableNotFound } from '@millrace/lakehouse';
import type { Clock } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, EVENTS_TABLE, tableRoot } from '@millrace/topics';
import type { Candidate, Held } from '../pipeline/dedupe';

export interface LakeKeysDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly clock: Clock;
}

const KEYS_MAX = 1_000;

/** Keys of events among the rows of the lake. */
export class LakeKeys {
  private table: DeltaTable | null = null;

  constructor(private readonly deps: LakeKeysDeps) {}

  /** Those of the candidates that a row of their own date has the key of. */
  async find(candidates: readonly Candidate[]): Promise<ReadonlyMap<string, Held>> {
    const held = new Map<string, Held>();
    const table = await this.open();
    if (!table) return held;
    const snapshot = await table.refresh();
    for (let i = 0; i < candidates.length; i += KEYS_MAX) {
      const some = candidates.slice(i, i + KEYS_MAX);
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
