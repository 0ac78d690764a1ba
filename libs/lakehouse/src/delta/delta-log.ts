import { type Storage, StorageError } from '@millrace/storage';
import { type Action, parseCommit } from './actions';
import { commitName, LAST_CHECKPOINT, LOG_FOLDER, type LogFile, parseLogName } from './log-names';

export interface Commit {
  readonly version: number;
  readonly actions: readonly Action[];
}

/** Commits asked for at once when a reader is far behind. */
const READ_AHEAD_MAX = 32;

/** The objects of one table: paths below its root, and the files of its log. */
export class DeltaLog {
  constructor(
    readonly storage: Storage,
    /** Storage prefix of the table, without an ending `/`. */
    readonly root: string,
  ) {}

  /** Storage path of a path below the root. */
  path(below: string): string {
    return this.root === '' ? below : `${this.root}/${below}`;
  }

  /** The commit of a version, or null when there is none. */
  async read(version: number): Promise<Commit | null> {
    const bytes = await this.bytes(commitName(version));
    return bytes && { version, actions: parseCommit(bytes) };
  }

  /** All commits from a version on, up to and with `upTo`, found by asking for one after the other: no listing. */
  async readFrom(from: number, upTo = Infinity): Promise<Commit[]> {
    const found: Commit[] = [];
    for (let at = from, width = 1; at <= upTo; width = Math.min(READ_AHEAD_MAX, width * 4)) {
      const versions = Array.from({ length: Math.min(width, upTo - at + 1) }, (_, i) => at + i);
      const commits = await Promise.all(versions.map((version) => this.read(version)));
      const gap = commits.indexOf(null);
      found.push(...(commits.slice(0, gap < 0 ? undefined : gap) as Commit[]));
      if (gap >= 0) break;
      at += versions.length;
    }
    return found;
  }

  async hasCommit(version: number): Promise<boolean> {
    return (await this.storage.stat(this.path(commitName(version)))) !== null;
  }

  /** Creates the commit; rejects with `STORAGE_EXISTS` when the version is taken. */
  write(version: number, bytes: Buffer): Promise<void> {
    return this.storage.createIfAbsent(this.path(commitName(version)), bytes);
  }

  /** The version that `_last_checkpoint` names, a hint that may be old; null when there is none or it is unreadable. */
  async lastCheckpoint(): Promise<{ version: number; parts: number } | null> {
    const bytes = await this.bytes(LAST_CHECKPOINT);
    if (!bytes) return null;
    try {
      const hint = JSON.parse(bytes.toString('utf8')) as { version?: unknown; parts?: unknown; v2Checkpoint?: unknown };
      if (!Number.isSafeInteger(hint.version) || hint.v2Checkpoint) return null;
      return { version: hint.version as number, parts: Number.isSafeInteger(hint.parts) ? (hint.parts as number) : 1 };
    } catch {
      return null;
    }
  }

  /** The log's files by name order, which is version order. */
  async *list(startAfter?: string): AsyncGenerator<LogFile & { readonly path: string; readonly modifiedAt: Date }> {
    const folder = this.path(`${LOG_FOLDER}/`);
    const after = startAfter === undefined ? undefined : this.path(startAfter);
    for await (const object of this.storage.list(folder, { startAfter: after })) {
      const name = object.path.slice(folder.length);
      if (name.includes('/')) continue;
      yield { ...parseLogName(name), path: object.path, modifiedAt: object.modifiedAt };
    }
  }

  async bytes(below: string): Promise<Buffer | null> {
    try {
      return await this.storage.get(this.path(below));
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return null;
      throw error;
    }
  }
}
