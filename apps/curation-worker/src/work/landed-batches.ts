import type { Pool } from '@millrace/postgres';

/** Of some batches, those that have landed. */
export async function landedBatches(pool: Pool, batchIds: readonly number[]): Promise<ReadonlySet<number>> {
  if (batchIds.length === 0) return new Set();
  const { rows } = await pool.query(
    'SELECT batch_id FROM curation_worker.manifest WHERE batch_id = ANY($1::bigint[]) AND number IS NOT NULL',
    [batchIds],
  );
  return new Set(rows.map((row) => Number(row.batch_id)));
}
