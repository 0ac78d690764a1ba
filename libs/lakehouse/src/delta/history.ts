import { VersionNotFound } from '../errors';
import type { CommitInfo } from './actions';
import type { DeltaLog } from './delta-log';

export interface HistoryEntry extends CommitInfo {
  readonly version: number;
}

/** Commits read at once. */
const AT_ONCE = 32;

/** What the log tells of its newest commits, newest first, as far back as it is kept. */
export async function history(log: DeltaLog, newest: number, limit: number): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for (let from = newest; from >= 0 && entries.length < limit; from -= AT_ONCE) {
    const count = Math.min(AT_ONCE, from + 1, limit - entries.length);
    const commits = await Promise.all(Array.from({ length: count }, (_, i) => log.read(from - i)));
    for (const commit of commits) {
      if (!commit) return entries;
      const info = commit.actions.find((a) => 'commitInfo' in a);
      entries.push({ ...(info && 'commitInfo' in info ? info.commitInfo : {}), version: commit.version });
    }
  }
  return entries;
}

/**
 * The newest version that was committed at or before a time, by the modification times of the log's files, which are
 * taken to increase with the version. Throws `VersionNotFound` for a time before the first version kept.
 */
export async function versionAt(log: DeltaLog, atMs: number): Promise<number> {
  let found = -1;
  let first = -1;
  let last = -Infinity;
  for await (const file of log.list()) {
    if (file.kind !== 'commit') continue;
    if (first < 0) first = file.version;
    last = Math.max(file.modifiedAt.getTime(), last + 1);
    if (last > atMs) break;
    found = file.version;
  }
  if (found < 0) {
    const at = new Date(atMs).toISOString();
    throw new VersionNotFound(`the first version kept, ${first}, was committed after ${at}`, first > 0);
  }
  return found;
}
