import type { Pool } from '@millrace/postgres';
import type { WorkJob, WorkResult } from '@millrace/topics';
import type { Checkpoint, ClaimedJob, WorkStore } from './port';

const REQUEST = `
INSERT INTO curation_worker.work AS w (id, kind, job, requested_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, job = excluded.job WHERE w.kind = ''`;

// A cancellation that overtakes its request is the row that the request finds.
const CANCEL = `
INSERT INTO curation_worker.work AS w (id, kind, job, requested_by, status, cancel, revision)
VALUES ($1, '', '{}', $2, 'cancelled', true, 1)
ON CONFLICT (id) DO UPDATE
   SET cancel = true, updated_at = clock_timestamp(),
       status = CASE WHEN w.status = 'queued' THEN 'cancelled' ELSE w.status END,
       revision = w.revision + CASE WHEN w.status = 'queued' THEN 1 ELSE 0 END
 WHERE w.status IN ('queued', 'running') AND NOT w.cancel`;

const IS_FREE = `status IN ('queued', 'running') AND lease_until < clock_timestamp()`;

const CLAIM = `
UPDATE curation_worker.work SET status = 'running', epoch = epoch + 1, attempts = attempts + 1,
       lease_until = clock_timestamp() + make_interval(secs => $1 / 1000.0), updated_at = clock_timestamp()
 WHERE id = (SELECT w.id FROM curation_worker.work w
               LEFT JOIN (SELECT job->>'tenant' AS tenant, max(updated_at) FILTER (WHERE epoch > 0) AS served_at,
                                 count(*) FILTER (WHERE status = 'running' AND lease_until >= clock_timestamp()) AS running
                            FROM curation_worker.work GROUP BY 1) t ON t.tenant IS NOT DISTINCT FROM w.job->>'tenant'
              WHERE ${IS_FREE}
              ORDER BY t.running, t.served_at NULLS FIRST, w.updated_at, w.created_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
RETURNING id, job, state, epoch, attempts`;

const SAVE = `
UPDATE curation_worker.work
   SET state = CASE WHEN $3::boolean THEN $4::jsonb ELSE state END,
       attempts = CASE WHEN $3::boolean THEN 0 ELSE attempts END,
       status = CASE WHEN cancel AND $5::text = 'running' THEN 'cancelled' ELSE $5::text END,
       progress = $6, result = $7, error = $8, revision = revision + 1,
       lease_until = clock_timestamp() + make_interval(secs => $9 / 1000.0), updated_at = clock_timestamp()
 WHERE id = $1 AND epoch = $2 AND status = 'running'
RETURNING status`;

const UNTOLD = `
SELECT id, kind, revision, CASE WHEN status = 'queued' THEN 'running' ELSE status END AS status, progress, result, error,
       updated_at
  FROM curation_worker.work WHERE told < revision ORDER BY updated_at LIMIT $1`;

/** Jobs in the service's own schema. */
export class PostgresWork implements WorkStore {
  constructor(private readonly pool: Pool) {}

  async request(id: string, job: WorkJob, by: string): Promise<void> {
    await this.pool.query(REQUEST, [id, job.kind, JSON.stringify(job), by]);
  }

  async cancel(id: string, by: string): Promise<void> {
    await this.pool.query(CANCEL, [id, by]);
  }

  async claim(leaseMs: number): Promise<ClaimedJob | null> {
    const { rows } = await this.pool.query(CLAIM, [leaseMs]);
    if (!rows[0]) return null;
    const { id, job, state, epoch, attempts } = rows[0];
    return { id, job: job as WorkJob, state, epoch: Number(epoch), attempts: Number(attempts) };
  }

  async othersWait(): Promise<boolean> {
    const { rows } = await this.pool.query(`SELECT EXISTS (SELECT FROM curation_worker.work WHERE ${IS_FREE}) AS some`);
    return rows[0]?.some === true;
  }

  async save(
    id: string,
    epoch: number,
    { state, status, progress, result, error }: Checkpoint,
    leaseMs: number,
  ): Promise<'go_on' | 'cancelled' | 'lost'> {
    const json = (value: unknown): string | null => (value == null ? null : JSON.stringify(value));
    const { rows } = await this.pool.query(SAVE, [
      ...[id, epoch, state !== undefined, json(state), status],
      ...[json(progress), json(result), error, leaseMs],
    ]);
    if (!rows[0]) return 'lost';
    return rows[0].status === 'cancelled' ? 'cancelled' : 'go_on';
  }

  async release(id: string, epoch: number): Promise<void> {
    await this.pool.query(
      `UPDATE curation_worker.work SET lease_until = '-infinity', attempts = greatest(0, attempts - 1)
        WHERE id = $1 AND epoch = $2 AND status = 'running'`,
      [id, epoch],
    );
  }

  async untold(limit: number): Promise<WorkResult[]> {
    const { rows } = await this.pool.query(UNTOLD, [limit]);
    return rows.map(({ id, kind, revision, status, progress, result, error, updated_at: at }) => ({
      ...{ id, kind, revision: Number(revision), status, progress, result, error },
      at: (at as Date).toISOString(),
    })) as WorkResult[];
  }

  async told(id: string, revision: number): Promise<void> {
    await this.pool.query('UPDATE curation_worker.work SET told = $2 WHERE id = $1 AND told < $2', [id, revision]);
  }

  async forget(olderThanMs: number): Promise<number> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM curation_worker.work
        WHERE status IN ('done', 'failed', 'cancelled') AND told >= revision
          AND updated_at < clock_timestamp() - make_interval(secs => $1 / 1000.0)`,
      [olderThanMs],
    );
    return rowCount ?? 0;
  }
}
