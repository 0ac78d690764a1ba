import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import type { UpkeepStore } from './upkeep';

const BATCHES_MAX = 200;

/**
 * Deletes the staged files of batches that every destination has passed and that landed at least `keepMs` ago. Raw
 * parts stay. Returns the number of files.
 */
export async function deletePassedFiles(
  store: Pick<UpkeepStore, 'passed' | 'stagedDeleted'>,
  storage: Storage,
  keepMs: number,
  signal: AbortSignal,
  failpoint: Failpoint<'curation-worker'> = noFailpoints,
): Promise<number> {
  let deleted = 0;
  while (!signal.aborted) {
    const batches = await store.passed(keepMs, BATCHES_MAX);
    for (const { files } of batches) {
      for (const file of files) {
        if (file.kind !== 'clean') continue;
        await storage.delete(file.path);
        deleted++;
      }
    }
    if (batches.length > 0) await failpoint('staged-deleted');
    if (batches.length > 0) await store.stagedDeleted(batches.map(({ batchId }) => batchId));
    if (batches.length < BATCHES_MAX) break;
  }
  return deleted;
}
