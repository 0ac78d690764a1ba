import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { BatchStaged } from '@millrace/topics';
import type { CommitStore, MartPartitions, OutboxMessage, StalePartition } from './commit-store';
import { LineContradiction } from './plan';

/** What statements run on: a pool or one of its clients. */
type Queryable = Pick<PoolClient, 'query'>;

const RECEIVE = `
  INSERT INTO table_manager.staged_batch (line_id, number, batch_id, message)
  SELECT m->>'lineId', (m->>'number')::bigint, (m->>'batchId')::bigint, m
    FROM unnest($1::jsonb[]) AS t(m)
   WHERE NOT EXISTS (SELECT 1 FROM table_manager.applied_batch a
                      WHERE a.line_id = m->>'lineId' AND a.number = (m->>'number')::bigint)
   ORDER BY 1, 2
  ON CONFLICT DO NOTHING`;

const CONTRADICTION = `
  SELECT m->>'number' AS number, m->>'batchId' AS announced, k.batch_id::text AS known
    FROM unnest($1::jsonb[]) AS t(m)
    JOIN (SELECT line_id, number, batch_id FROM table_manager.staged_batch
          UNION ALL
          SELECT line_id, number, batch_id FROM table_manager.applied_batch) k
      ON k.line_id = m->>'lineId' AND k.number = (m->>'number')::bigint AND k.batch_id <> (m->>'batchId')::bigint
   LIMIT 1`;

const TOUCH = `
  INSERT INTO table_manager.mart_partition (mart, partition, touched)
  SELECT mart, partition, $3 FROM unnest($1::text[], $2::text[]) AS t(mart, partition)
   ORDER BY 1, 2
  ON CONFLICT (mart, partition) DO UPDATE SET touched = GREATEST(mart_partition.touched, EXCLUDED.touched)`;

const BUILT = `
  UPDATE table_manager.mart_partition p SET built = GREATEST(p.built, $3), built_at = now()
    FROM unnest($1::text[], $2::text[]) AS t(mart, partition)
   WHERE p.mart = t.mart AND p.partition = t.partition`;

/** The commit store in the service's own schema. All statements are bound, sets travel as arrays. */
export class PostgresCommitStore implements CommitStore {
  constructor(private readonly pool: Pool) {}

  async receive(batches: readonly BatchStaged[]): Promise<{ alreadyApplied: boolean }> {
    const messages = batches.map((batch) => JSON.stringify(batch));
    return transaction(this.pool, async (client: Queryable) => {
      await client.query(RECEIVE, [messages]);
      const { rows } = await client.query(CONTRADICTION, [messages]);
      if (rows[0]) {
        throw new LineContradiction(`number ${rows[0].number} was announced as batch ${rows[0].announced} and as batch ${rows[0].known}`);
      }
      const applied = await client.query(
        `SELECT 1 FROM unnest($1::jsonb[]) AS t(m) JOIN table_manager.applied_batch a
             ON a.line_id = m->>'lineId' AND a.number = (m->>'number')::bigint LIMIT 1`,
        [messages],
      );
      return { alreadyApplied: applied.rows.length > 0 };
    });
  }

  async line(): Promise<string | null> {
    const { rows } = await this.pool.query(
      `SELECT line_id FROM table_manager.cursor UNION ALL SELECT line_id FROM table_manager.staged_batch LIMIT 1`,
    );
    return rows[0]?.line_id ?? null;
  }

  async cursor(lineId: string): Promise<number> {
    const { rows } = await this.pool.query(`SELECT number FROM table_manager.cursor WHERE line_id = $1`, [lineId]);
    return Number(rows[0]?.number ?? 0);
  }

  async announced(lineId: string, cursor: number, limit: number): Promise<BatchStaged[]> {
    const { rows } = await this.pool.query(
      `SELECT message FROM table_manager.staged_batch WHERE line_id = $1 AND number > $2 ORDER BY number LIMIT $3`,
      [lineId, cursor, limit],
    );
    return rows.map((row) => row.message as BatchStaged);
  }

  async advance(commit: { lineId: string; from: number; to: number; touched: MartPartitions; message: OutboxMessage }): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      await client.query(`INSERT INTO table_manager.cursor (line_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING`, [commit.lineId]);
      const moved = await client.query(
        `UPDATE table_manager.cursor SET number = $3, updated_at = now() WHERE line_id = $1 AND number = $2`,
        [commit.lineId, commit.from, commit.to],
      );
      if (moved.rowCount !== 1) return false;
      await client.query(
        `WITH gone AS (DELETE FROM table_manager.staged_batch WHERE line_id = $1 AND number > $2 AND number <= $3
                       RETURNING line_id, number, batch_id)
         INSERT INTO table_manager.applied_batch (line_id, number, batch_id) SELECT * FROM gone`,
        [commit.lineId, commit.from, commit.to],
      );
      const pairs = [...commit.touched].flatMap(([mart, partitions]) => [...partitions].map((p) => [mart, p] as const));
      if (pairs.length > 0) await client.query(TOUCH, [pairs.map((p) => p[0]), pairs.map((p) => p[1]), commit.to]);
      await insertOutbox(client, commit.message);
      return true;
    });
  }

  async stale(limit: number): Promise<StalePartition[]> {
    const { rows } = await this.pool.query(
      `SELECT mart, partition, touched FROM table_manager.mart_partition WHERE touched > built ORDER BY touched, mart, partition LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({ mart: String(row.mart), partition: String(row.partition), touched: Number(row.touched) }));
  }

  async built(partitions: readonly StalePartition[], number: number, message: OutboxMessage): Promise<void> {
    await transaction(this.pool, async (client: Queryable) => {
      const sorted = [...partitions].sort((a, b) => (a.mart + a.partition < b.mart + b.partition ? -1 : 1));
      await client.query(BUILT, [sorted.map((p) => p.mart), sorted.map((p) => p.partition), number]);
      await insertOutbox(client, message);
    });
  }

  /** Forgets which batch had which number, of batches applied before `before`. */
  async pruneApplied(before: Date): Promise<void> {
    await this.pool.query(`DELETE FROM table_manager.applied_batch WHERE applied_at < $1`, [before]);
  }

  async announce(message: OutboxMessage): Promise<void> {
    await insertOutbox(this.pool, message);
  }
}

async function insertOutbox(client: Queryable, message: OutboxMessage): Promise<void> {
  await client.query(`INSERT INTO table_manager.outbox (id, topic, body) VALUES ($1, $2, $3)`, [message.id, message.topic, JSON.stringify(message.body)]);
}
