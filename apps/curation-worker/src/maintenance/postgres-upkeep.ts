import type { Pool } from '@millrace/postgres';
import type { UnnumberedBatch } from '../landing/message';
import type { DeadEpoch, PassedBatch, UpkeepStore } from './upkeep';

const OTHERS_ALIVE = `
  SELECT epoch, heartbeat_at::text FROM curation_worker.worker WHERE alive AND epoch <> $1`;

const DECLARE_DEAD = `
  UPDATE curation_worker.worker SET alive = false, ended_at = clock_timestamp()
   WHERE epoch = $1 AND alive AND heartbeat_at::text = $2`;

const UNCOLLECTED = `
  SELECT epoch, accepted_from::text, ended_at FROM curation_worker.worker
   WHERE NOT alive AND collected_at IS NULL ORDER BY epoch`;

const PASSED = `
  SELECT m.batch_id, m.message FROM curation_worker.manifest m
   WHERE NOT m.staged_deleted
     AND m.number <= (SELECT number FROM curation_worker.commit_progress WHERE line_id = (SELECT id FROM curation_worker.line))
     AND m.landed_at < clock_timestamp() - $1 * interval '1 ms'
   ORDER BY m.number LIMIT $2`;

/** The message is needed no more: of the files only raw parts are left. */
const MARK = `
  UPDATE curation_worker.manifest m
     SET staged_deleted = true,
         message = json_build_object('files', (SELECT coalesce(json_agg(f), '[]') FROM json_array_elements(m.message->'files') f WHERE f->>'kind' = 'raw'))
   WHERE m.batch_id = ANY($1::bigint[])`;

/** Upkeep in the service's own schema. */
export class PostgresUpkeep implements UpkeepStore {
  constructor(private readonly pool: Pool) {}

  async othersAlive(epoch: number): Promise<{ epoch: number; heartbeat: string }[]> {
    const { rows } = await this.pool.query(OTHERS_ALIVE, [epoch]);
    return rows.map((row) => ({ epoch: Number(row.epoch), heartbeat: String(row.heartbeat_at) }));
  }

  async declareDead(epoch: number, heartbeat: string): Promise<boolean> {
    return ((await this.pool.query(DECLARE_DEAD, [epoch, heartbeat])).rowCount ?? 0) > 0;
  }

  async uncollected(): Promise<DeadEpoch[]> {
    const { rows } = await this.pool.query(UNCOLLECTED);
    return rows.map((row) => ({ epoch: Number(row.epoch), acceptedFrom: row.accepted_from, endedAt: row.ended_at }));
  }

  async collected(epoch: number): Promise<void> {
    await this.pool.query('UPDATE curation_worker.worker SET collected_at = clock_timestamp() WHERE epoch = $1', [
      epoch,
    ]);
  }

  async landedAmong(batchIds: readonly number[]): Promise<Set<number>> {
    const { rows } = await this.pool.query(
      'SELECT batch_id FROM curation_worker.manifest WHERE batch_id = ANY($1::bigint[])',
      [batchIds],
    );
    return new Set(rows.map((row) => Number(row.batch_id)));
  }

  async passed(keepMs: number, limit: number): Promise<PassedBatch[]> {
    const { rows } = await this.pool.query(PASSED, [keepMs, limit]);
    return rows.map((row) => ({ batchId: Number(row.batch_id), files: (row.message as UnnumberedBatch).files }));
  }

  async stagedDeleted(batchIds: readonly number[]): Promise<void> {
    await this.pool.query(MARK, [batchIds]);
  }
}
