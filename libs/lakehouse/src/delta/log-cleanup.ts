import type { DeltaLog } from './delta-log';

/**
 * Deletes the log's files of versions that have expired: all below the newest checkpoint from which every version still
 * within the retention can be built. Returns how many files were deleted.
 */
export async function cleanLog(log: DeltaLog, newestCheckpoint: number, oldestMs: number): Promise<number> {
  const candidates: { version: number; path: string }[] = [];
  let bound = -1;
  for await (const file of log.list()) {
    if (file.kind === 'other') continue;
    if (file.version > newestCheckpoint) break;
    // Only checkpoints of one file: of several parts one may be missing.
    if (file.kind === 'checkpoint' && file.parts === 1) bound = file.version;
    if (file.kind === 'commit' && file.modifiedAt.getTime() >= oldestMs) break;
    candidates.push({ version: file.version, path: file.path });
  }
  let deleted = 0;
  for (const { version, path } of candidates) {
    if (version >= bound) break;
    await log.storage.delete(path);
    deleted++;
  }
  return deleted;
}
