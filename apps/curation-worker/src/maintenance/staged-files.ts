import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import type { UnnumberedBatch } from '../landing/message';

const BATCHES_MAX = 200;

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

/**
 * Deletes the staged files of batches that every destination has passed and that landed at least `keepMs` ago. Raw
 * parts stay. Returns the number of files.
 */
export async function deletePassedFiles(
  pool: Pool,
  storage: Storage,
  keepMs: number,
  signal: AbortSignal,
): Promise<number> {
  let deleted = 0;
  while (!signal.aborted) {
    const { rows } = await pool.query(PASSED, [keepMs, BATCHES_MAX]);
    const batches = rows as { batch_id: string; message: UnnumberedBatch }[];
    for (const { message } of batches) {
      for (const file of message.files) {
        if (file.kind !== 'clean') continue;
        await storage.delete(file.path);
        deleted++;
      }
    }
    if (batches.length > 0) await pool.query(MARK, [batches.map(({ batch_id }) => batch_id)]);
    if (batches.length < BATCHES_MAX) break;
  }
  return deleted;
}
