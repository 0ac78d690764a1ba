import { type OutboxEntry, TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { type ErasureRequested, type ErasureResult, TOPICS } from '@millrace/topics';
import type { MartPartition } from '../commit/commit-store';
import { AGAIN } from '../commit/statements';
import type { TableErasure, TableErasureStatus, TableErasureStore } from './port';

type Row = Record<string, unknown>;
type Queryable = Pick<PoolClient, 'query'>;

export class PostgresTableErasures implements TableErasureStore {
  private readonly outbox: TableOutbox;

  constructor(
    private readonly pool: Pool,
    private readonly newId: () => string,
  ) {
    this.outbox = new TableOutbox(pool, 'table_manager');
  }

  async request({ id, lineId, keys, number }: ErasureRequested): Promise<void> {
    await this.pool.query(
      'INSERT INTO table_manager.erasure (id, line_id, keys, number) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [id, lineId, keys, number],
    );
  }

  async next(): Promise<TableErasure | null> {
    const { rows } = await this.pool.query(
      `SELECT * FROM table_manager.erasure WHERE status <> 'done' ORDER BY requested_at, id LIMIT 1`,
    );
    return rows[0] ? erasureOf(rows[0] as Row) : null;
  }

  async waiting(erasure: TableErasure, waitingFor: string): Promise<void> {
    if (erasure.waitingFor !== waitingFor) await this.step(erasure, erasure.status, 'waiting_for = $3', [waitingFor]);
  }

  async found(erasure: TableErasure, { rows, martPartitions }: Pick<TableErasure, 'rows' | 'martPartitions'>) {
    const values = [JSON.stringify(rows), JSON.stringify(martPartitions)];
    await this.step(erasure, 'deleting', 'rows = $3, mart_partitions = $4', values);
  }

  async shown(erasure: TableErasure, message: OutboxEntry): Promise<void> {
    const partitions = partitionsOf(erasure);
    await this.step(erasure, 'rebuilding', '', [], async (client) => {
      const [marts, names] = [partitions.map(({ mart }) => mart), partitions.map(({ partition }) => partition)];
      // Whatever is being built from the rows of before leaves them stale.
      await client.query(AGAIN, [marts, names, erasure.number]);
      await this.outbox.leave([message], client);
    });
  }

  async stale(partitions: readonly MartPartition[]): Promise<number> {
    const { rows } = await this.pool.query(
      `SELECT count(*) AS n FROM table_manager.mart_partition p
         JOIN unnest($1::text[], $2::text[]) AS t (mart, partition) USING (mart, partition)
        WHERE (p.touched > p.built OR p.asked > p.answered) AND p.frozen_at IS NULL`,
      [partitions.map(({ mart }) => mart), partitions.map(({ partition }) => partition)],
    );
    return Number((rows[0] as Row)['n']);
  }

  rebuilt(erasure: TableErasure): Promise<void> {
    return this.step(erasure, 'sweeping', 'rebuilt_at = clock_timestamp()', []);
  }

  swept(erasure: TableErasure, files: number, bytes: number): Promise<void> {
    return this.step(erasure, 'done', 'files = files + $3, bytes = bytes + $4', [files, bytes]);
  }

  /** From its status to another, unless somebody else has moved it; what it is by then is told. */
  private async step(
    { id, status }: TableErasure,
    to: TableErasureStatus,
    set: string,
    values: readonly unknown[],
    also: (client: Queryable) => Promise<void> = async () => undefined,
  ): Promise<void> {
    await transaction(this.pool, async (client: Queryable) => {
      const sets = [
        `status = '${to}'`,
        'revision = revision + 1',
        ...(set === '' ? [] : [set]),
        ...(to === status ? [] : ['waiting_for = NULL']),
      ];
      const { rows } = await client.query(
        `UPDATE table_manager.erasure SET ${sets.join(', ')} WHERE id = $1 AND status = $2
         RETURNING *, clock_timestamp() AS at`,
        [id, status, ...values],
      );
      const row = rows[0] as Row | undefined;
      if (!row) return;
      await also(client);
      await this.outbox.leave([this.told(row)], client);
    });
  }

  private told(row: Row): OutboxEntry {
    const { id, status, rows, martPartitions, waitingFor } = erasureOf(row);
    const body: ErasureResult = {
      ...{ id, revision: Number(row['revision']), status: status === 'done' ? 'done' : 'running' },
      waitingFor: waitingFor ?? WAITS_FOR[status],
      deleted: { rows, martPartitions, files: Number(row['files']), bytes: Number(row['bytes']) },
      at: (row['at'] as Date).toISOString(),
    };
    return { id: this.newId(), topic: TOPICS.erasureResults.name, body };
  }
}

const WAITS_FOR: Readonly<Record<TableErasureStatus, string | null>> = {
  requested: 'rows to be found in tables',
  deleting: 'rows to be deleted from tables',
  rebuilding: 'marts to be built without them',
  sweeping: 'readers to move on from files of before',
  done: null,
};

/** Partitions of marts that an erasure changes. */
export const partitionsOf = ({ martPartitions }: Pick<TableErasure, 'martPartitions'>): MartPartition[] =>
  Object.entries(martPartitions).flatMap(([mart, some]) => some.map((partition) => ({ mart, partition })));

const erasureOf = (row: Row): TableErasure => ({
  ...{ id: String(row['id']), lineId: String(row['line_id']), keys: row['keys'] as string[] },
  ...{ number: Number(row['number']), status: row['status'] as TableErasureStatus },
  rows: row['rows'] as TableErasure['rows'],
  martPartitions: row['mart_partitions'] as TableErasure['martPartitions'],
  rebuiltMs: (row['rebuilt_at'] as Date | null)?.getTime() ?? null,
  waitingFor: row['waiting_for'] as string | null,
});
