import { type OutboxEntry, TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { cutOffOf, type Term } from './terms';
import type {
  ExpiredFile,
  Removal,
  RemovalDone,
  RemovalDraft,
  RetentionStore,
  FrozenCount,
  FrozenPartition,
} from './port';
import { horizonAt } from './horizon';
import { partitionsIn, rowsIn, settledFiles, type FreezeState } from './settled-files';
import * as sql from './statements';

type Row = Record<string, unknown>;
type Queryable = Pick<PoolClient, 'query'>;

export class PostgresRetentionStore implements RetentionStore {
  private readonly outbox: TableOutbox;

  constructor(private readonly pool: Pool) {
    this.outbox = new TableOutbox(pool, 'table_manager');
  }

  async horizon(nowMs: number, newestMs: number): Promise<number> {
    const { rows } = await this.pool.query(sql.HORIZON);
    const row = rows[0] as { at: Date; moved_at: Date } | undefined;
    const known = row ? { atMs: row.at.getTime(), movedMs: row.moved_at.getTime() } : null;
    const { atMs, moved } = horizonAt(nowMs, newestMs, known);
    if (moved) await this.pool.query(sql.MOVE_HORIZON, [new Date(moved.atMs), new Date(moved.movedMs), row?.moved_at]);
    return atMs;
  }

  async planned(): Promise<Removal[]> {
    const { rows } = await this.pool.query(sql.PLANNED);
    return rows.map((row) => removalOf(row as Row));
  }

  async plan(
    draft: RemovalDraft,
    holding: ReadonlySet<string>,
  ): Promise<{ removal: Removal | null; waiting: readonly string[] }> {
    return transaction(this.pool, async (client: Queryable) => {
      const { files, waiting } = settledFiles(draft.files, await this.states(client, draft.files), holding);
      if (files.length === 0) return { removal: null, waiting };
      const { rows } = await client.query(sql.PLAN, [
        ...[draft.id, draft.table, new Date(draft.decidedAtMs), JSON.stringify(draft.terms), JSON.stringify(files)],
        ...[JSON.stringify(rowsIn(files)), files.length, files.reduce((sum, { bytes }) => sum + bytes, 0)],
        draft.seqAfter,
      ]);
      const row = rows[0] as Row | undefined;
      if (!row) return { removal: null, waiting };
      const frozen = partitionsIn(files);
      if (frozen.length > 0)
        await client.query(sql.FREEZE, [frozen.map((p) => p.mart), frozen.map((p) => p.partition), draft.id]);
      const { seqAfter: _, ...planned } = draft;
      return { removal: { ...planned, files, seq: Number(row['seq']) }, waiting };
    });
  }

  async abandon({ id }: Removal): Promise<void> {
    await this.pool.query(sql.ABANDON, [id]);
  }

  async done({ id }: Removal, version: number, messages: readonly OutboxEntry[]): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      const { rowCount } = await client.query(sql.DONE, [id, version]);
      if (rowCount !== 1) return false;
      await this.outbox.leave(messages, client);
      return true;
    });
  }

  async history(table: string, limit: number): Promise<RemovalDone[]> {
    const { rows } = await this.pool.query(sql.HISTORY, [table, limit]);
    return rows.map((row) => doneOf(row as Row));
  }

  async frozenCounts(): Promise<FrozenCount[]> {
    const { rows } = await this.pool.query(sql.FROZEN_COUNTS);
    return (rows as Row[]).map(({ mart, frozen, late }) => ({
      ...{ mart: String(mart), frozen: Number(frozen), late: Number(late) },
    }));
  }

  async frozen(mart: string, limit: number): Promise<FrozenPartition[]> {
    const { rows } = await this.pool.query(sql.FROZEN, [mart, limit]);
    return (rows as Row[]).map((row) => ({
      partition: String(row['partition']),
      frozenAt: (row['frozen_at'] as Date).toISOString(),
      isLate: row['late'] === true,
    }));
  }

  /** Locked until the transaction ends, so that nothing touches them meanwhile. */
  private async states(client: Queryable, files: readonly ExpiredFile[]): Promise<FreezeState[]> {
    const all = partitionsIn(files);
    if (all.length === 0) return [];
    const { rows } = await client.query(sql.LOCK_PARTITIONS, [all.map((p) => p.mart), all.map((p) => p.partition)]);
    return (rows as Row[]).map(({ mart, partition, stale }) => ({
      ...{ mart: String(mart), partition: String(partition), isStale: stale === true },
    }));
  }
}

const removalOf = (row: Row): Removal => ({
  ...{ id: String(row['id']), table: String(row['table_id']), seq: Number(row['seq']) },
  decidedAtMs: (row['decided_at'] as Date).getTime(),
  terms: row['terms'] as Term[],
  files: row['files'] as ExpiredFile[],
});

function doneOf(row: Row): RemovalDone {
  const rows = row['rows'] as Record<string, number>;
  const decidedAtMs = (row['decided_at'] as Date).getTime();
  return {
    ...{ id: String(row['id']), table: String(row['table_id']), version: Number(row['version']) },
    datasets: (row['terms'] as Term[]).flatMap((term) =>
      rows[term.dataset] > 0
        ? [{ dataset: term.dataset, rows: rows[term.dataset], cutOff: cutOffOf(term, decidedAtMs) }]
        : [],
    ),
    ...{ files: Number(row['file_count']), bytes: Number(row['bytes']), at: (row['done_at'] as Date).toISOString() },
  };
}
