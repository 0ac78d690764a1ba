import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { addCounts } from '../conservation/add-counts';
import type { CountedBatch } from './read-models';

/** Receipts in the service's own schema. */
export class PostgresReceipts {
  constructor(private readonly pool: Pool) {}

  async countReceived(topic: string, partition: string, batches: readonly CountedBatch[]): Promise<void> {
    if (batches.length === 0) return;
    await transaction(this.pool, async (client: PoolClient) => {
      await client.query(
        `INSERT INTO analytics_api.position (topic, partition, next) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        [topic, partition, batches[0].from],
      );
      const { rows } = await client.query(
        `SELECT next FROM analytics_api.position WHERE topic = $1 AND partition = $2 FOR UPDATE`,
        [topic, partition],
      );
      const next = Number(rows[0].next);
      const fresh = batches.filter(({ to }) => to > next);
      if (fresh.length === 0) return;
      let at = next;
      for (const { from, to } of fresh) {
        if (from !== at) throw new Error(`${topic}/${partition}: counted to ${at}, was given [${from}, ${to})`);
        at = to;
      }
      await client.query(`UPDATE analytics_api.position SET next = $3 WHERE topic = $1 AND partition = $2`, [
        topic,
        partition,
        at,
      ]);
      await addCounts(
        client,
        fresh.flatMap(({ counts }) => counts.map(({ count, ...key }) => ({ ...key, received: count }))),
      );
    });
  }

  async receivedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query(`SELECT partition, next FROM analytics_api.position WHERE topic = $1`, [
      topic,
    ]);
    return new Map(rows.map((row) => [String(row.partition), Number(row.next)]));
  }
}
