import { DeltaTable, type Duck, type DuckRow, quoteList, TableNotFound } from '@millrace/lakehouse';
import type { Clock } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import { type BatchStaged, EVENTS_TABLE, tableRoot } from '@millrace/topics';
import { type EventView, ofLanded } from './event-view';

export interface LandedEventsDeps {
  readonly storage: Storage;
  readonly duck: Pick<Duck, 'query'>;
  readonly pool: Pick<Pool, 'query'>;
  readonly clock: Clock;
}

/** Landed batches whose files are looked into before they are in the table. */
const STAGED_MAX = 500;
const QUERY_MS_MAX = 5_000;

const COLUMNS = ['event_id', 'event_type', 'ingest_time', 'tenant_id', 'payload', 'attributes', '_batch_id'];

/** Finds landed events: in the table, or in the staged files of batches that are not in it yet. */
export class LandedEvents {
  private table: DeltaTable | null = null;

  constructor(private readonly deps: LandedEventsDeps) {}

  /** The first one of that id. */
  async find(tenant: string, eventId: string): Promise<EventView | null> {
    // Staged first: what is committed between the two looks is found by the second.
    const row = (await this.inStaged(tenant, eventId)) ?? (await this.inTable(tenant, eventId));
    if (!row) return null;
    const { rows } = await this.deps.pool.query('SELECT landed_at FROM curation_worker.manifest WHERE batch_id = $1', [
      Number(row['_batch_id']),
    ]);
    const landedAt = (rows as { landed_at: Date }[])[0]?.landed_at;
    return ofLanded(row, landedAt?.toISOString() ?? null);
  }

  private async inStaged(tenant: string, eventId: string): Promise<DuckRow | null> {
    const { rows } = await this.deps.pool.query(
      `SELECT m.message FROM curation_worker.outbox o JOIN curation_worker.manifest m USING (batch_id)
        WHERE NOT m.staged_deleted ORDER BY o.number DESC LIMIT ${STAGED_MAX}`,
    );
    const files = (rows as { message: BatchStaged }[]).flatMap(({ message }) =>
      (message.files ?? []).filter(({ kind, table }) => kind === 'clean' && table === EVENTS_TABLE),
    );
    if (files.length === 0) return null;
    const local = await Promise.all(files.map(({ path }) => this.deps.storage.localPath(path)));
    return this.first(`SELECT ${COLUMNS.join(', ')} FROM read_parquet(${quoteList(local)})`, tenant, eventId);
  }

  private async inTable(tenant: string, eventId: string): Promise<DuckRow | null> {
    const table = await this.open();
    if (!table) return null;
    const snapshot = await table.refresh();
    const files = table.prune(snapshot, { event_id: { values: [eventId] } });
    if (files.length === 0) return null;
    return this.first(await table.scanSql(snapshot, { files, columns: COLUMNS }), tenant, eventId);
  }

  private async first(relation: string, tenant: string, eventId: string): Promise<DuckRow | null> {
    const [row] = await this.deps.duck.query(
      `SELECT * REPLACE (strftime(ingest_time, '%Y-%m-%dT%H:%M:%S.%gZ') AS ingest_time) FROM (${relation})
        WHERE event_id = $1 AND tenant_id = $2 ORDER BY _batch_id LIMIT 1`,
      [eventId, tenant],
      { timeoutMs: QUERY_MS_MAX },
    );
    return row ?? null;
  }

  private async open(): Promise<DeltaTable | null> {
    const { storage, duck, clock } = this.deps;
    try {
      this.table ??= await DeltaTable.open(storage, tableRoot(EVENTS_TABLE), { duck: duck as Duck, clock });
      return this.table;
    } catch (error) {
      if (error instanceof TableNotFound) return null;
      throw error;
    }
  }
}
