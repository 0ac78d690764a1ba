import { VersionNotFound } from '../errors';
import type { CommitInfo } from './actions';
import type { DeltaLog } from './delta-log';

export interface HistoryEntry extends CommitInfo {
  readonly version: number;
}

/** Commits read at once. */
const AT_ONCE = 32;
/** Newest commits whose entries are remembered. */
const REMEMBERED_MAX = 64;

/** What a table's log tells of its commits. A commit never changes, so the newest ones are read once. */
export class History {
  private remembered = new Map<number, HistoryEntry>();

  constructor(private readonly log: DeltaLog) {}

  /** The newest commits up to and with `newest`, newest first, as far back as the log is kept. */
  async newest(newest: number, limit: number): Promise<HistoryEntry[]> {
    await this.forgetCleaned(newest, limit);
    const entries: HistoryEntry[] = [];
    for (let from = newest; from >= 0 && entries.length < limit; from -= AT_ONCE) {
      const count = Math.min(AT_ONCE, from + 1, limit - entries.length);
      const found = await Promise.all(Array.from({ length: count }, (_, i) => this.entry(from - i)));
      for (const entry of found) {
        if (!entry) return entries;
        entries.push(entry);
        if (entries.length <= REMEMBERED_MAX) this.remembered.set(entry.version, entry);
      }
    }
    for (const version of this.remembered.keys())
      if (version <= newest - REMEMBERED_MAX) this.remembered.delete(version);
    return entries;
  }

  private async entry(version: number): Promise<HistoryEntry | null> {
    const remembered = this.remembered.get(version);
    if (remembered) return remembered;
    const commit = await this.log.read(version);
    if (!commit) return null;
    const info = commit.actions.find((a) => 'commitInfo' in a);
    return { ...(info && 'commitInfo' in info ? info.commitInfo : {}), version };
  }

  /** The log is cleaned from its oldest end: while the oldest one asked for is there, so are those after it. */
  private async forgetCleaned(newest: number, limit: number): Promise<void> {
    const oldest = [...this.remembered.keys()]
      .filter((version) => version > newest - limit)
      .reduce((least, version) => Math.min(least, version), Infinity);
    if (oldest !== Infinity && !(await this.log.hasCommit(oldest))) this.remembered = new Map();
  }
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
