import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { DimensionEntry } from '../../dimensions/model';
import type { Held } from '../../pipeline/dedupe';
import type { Landing, LandingStore, Line, PartitionId, Position, PrunedClaims } from '../port';
import { heldClaims } from './claims';
import { readDimensions } from './dimensions';
import { landingErrors } from './errors';
import { PostgresLanding } from './landing';

/** Batch ids that one `nextval` stands for: the sequence's increment. */
const BATCH_IDS = 32;

const TAKE = `
  INSERT INTO curation_worker.position AS p (topic, partition, next, epoch) VALUES ($1, $2, $4, $3)
  ON CONFLICT (topic, partition) DO UPDATE
     SET epoch = $3, tried = NULL,
         attempts = CASE WHEN p.attempts = 0 OR p.tried IS NOT NULL THEN p.attempts + 1 ELSE p.attempts END,
         suspect_to = CASE WHEN p.tried IS NOT NULL THEN p.next + p.tried ELSE p.suspect_to END
  RETURNING next, attempts, suspect_to`;

/** Landings in Postgres; the schema is in prisma/migrations. */
export class PostgresLandingStore implements LandingStore {
  constructor(private readonly pool: Pool) {}

  async begin(): Promise<Landing> {
    const client = await landingErrors(this.pool.connect());
    try {
      await client.query('BEGIN');
      return new PostgresLanding(client);
    } catch (error) {
      client.release(error as Error);
      return landingErrors(Promise.reject(error));
    }
  }

  async line(): Promise<Line> {
    const [row] = await this.rows('SELECT id, next, contracts_index, keys_epoch FROM curation_worker.line');
    return {
      id: row.id as string,
      next: Number(row.next),
      contractsIndex: Number(row.contracts_index),
      keysEpoch: Number(row.keys_epoch),
    };
  }

  async adoptContracts(index: number, windowDaysMin: number): Promise<void> {
    await this.rows('UPDATE curation_worker.claims_pruning SET window_days_min = $1 WHERE window_days_min > $1', [
      windowDaysMin,
    ]);
    await this.rows('UPDATE curation_worker.line SET contracts_index = $1 WHERE contracts_index < $1', [index]);
  }

  async register(member: string): Promise<number> {
    const [row] = await this.rows('INSERT INTO curation_worker.worker (member) VALUES ($1) RETURNING epoch', [member]);
    return Number(row.epoch);
  }

  async heartbeat(epoch: number): Promise<boolean> {
    const text =
      'UPDATE curation_worker.worker SET heartbeat_at = clock_timestamp() WHERE epoch = $1 AND alive RETURNING epoch';
    return (await this.rows(text, [epoch])).length === 1;
  }

  async declareDate(epoch: number, date: string): Promise<void> {
    await this.rows(
      'UPDATE curation_worker.worker SET accepted_from = least(accepted_from, $2::date) WHERE epoch = $1',
      [epoch, date],
    );
  }

  async retire(epoch: number): Promise<void> {
    // Landings lock the row FOR SHARE as they commit: this waits for them, and they find `alive` false after it.
    await this.rows(
      'UPDATE curation_worker.worker SET alive = false, ended_at = clock_timestamp() WHERE epoch = $1 AND alive',
      [epoch],
    );
  }

  async take({ topic, partition }: PartitionId, epoch: number, start: number): Promise<Position> {
    const [row] = await this.rows(TAKE, [topic, partition, epoch, start]);
    return {
      next: Number(row.next),
      attempts: Number(row.attempts),
      suspectTo: row.suspect_to === null ? null : Number(row.suspect_to),
    };
  }

  async note({ topic, partition }: PartitionId, epoch: number, from: number, events: number): Promise<boolean> {
    const text = `UPDATE curation_worker.position SET tried = $5
                   WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next = $4 RETURNING next`;
    return (await this.rows(text, [topic, partition, epoch, from, events])).length === 1;
  }

  async batchIds(): Promise<{ first: number; count: number }> {
    const [row] = await this.rows(`SELECT nextval('curation_worker.batch_id') AS first`);
    return { first: Number(row.first), count: BATCH_IDS };
  }

  async numberOf({ topic, partition }: PartitionId, batchId: number): Promise<number | null> {
    return landingErrors(
      transaction(this.pool, async (client) => {
        // The landing holds this row until it is over.
        await client.query('SELECT FROM curation_worker.position WHERE topic = $1 AND partition = $2 FOR UPDATE', [
          topic,
          partition,
        ]);
        const { rows } = await client.query('SELECT number FROM curation_worker.manifest WHERE batch_id = $1', [
          batchId,
        ]);
        return rows.length === 1 ? Number((rows[0] as { number: string }).number) : null;
      }),
    );
  }

  async seen(topic: string, messageIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.rows(
      'SELECT message_id FROM curation_worker.inbox WHERE topic = $1 AND message_id = ANY($2::text[])',
      [topic, messageIds],
    );
    return new Set(rows.map((row) => row.message_id as string));
  }

  dimensions(): Promise<DimensionEntry[]> {
    return landingErrors(readDimensions(this.pool));
  }

  async dimension(tenant: string, name: string): Promise<DimensionEntry | null> {
    return (await landingErrors(readDimensions(this.pool, { tenant, name })))[0] ?? null;
  }

  held(keys: readonly string[]): Promise<Map<string, Held>> {
    return landingErrors(heldClaims(this.pool as Pick<PoolClient, 'query'>, keys));
  }

  async pruned(): Promise<PrunedClaims | null> {
    const [row] = await this.rows(
      'SELECT pruned_to::text, window_days_min FROM curation_worker.claims_pruning WHERE pruned_to IS NOT NULL',
    );
    return row ? { to: row.pruned_to as string, windowDaysMin: Number(row.window_days_min) } : null;
  }

  private async rows(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const { rows } = await landingErrors(this.pool.query(text, values));
    return rows as Record<string, unknown>[];
  }
}
