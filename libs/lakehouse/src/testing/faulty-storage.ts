import { type Storage, StorageError } from '@millrace/storage';

export interface FaultyStorage extends Storage {
  /** What happens to the next writes of commits, one entry a write; none left means they go through. */
  readonly faults: CommitFault[];
}

export type CommitFault =
  /** The answer is lost: the commit is there, the caller hears of a failure. */
  | 'after'
  /** The commit is not there. */
  | 'before'
  | 'full'
  /** Something else happens first. */
  | (() => Promise<unknown>);

/** A storage whose writes of Delta commits fail as told. */
export function faultyStorage(inner: Storage): FaultyStorage {
  const faults: CommitFault[] = [];
  const broken = (path: string): StorageError => new StorageError('STORAGE_UNAVAILABLE', path, 'connection lost');
  return {
    ...inner,
    faults,
    async createIfAbsent(path, bytes): Promise<void> {
      const fault = /_delta_log\/\d{20}\.json$/.test(path) ? faults.shift() : undefined;
      if (fault === 'before') throw broken(path);
      if (fault === 'full') throw new StorageError('STORAGE_FULL', path, 'disk full');
      if (typeof fault === 'function') await fault();
      await inner.createIfAbsent(path, bytes);
      if (fault === 'after') throw broken(path);
    },
  };
}
