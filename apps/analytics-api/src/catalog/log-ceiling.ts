import { type Storage, StorageError } from '@millrace/storage';

/** Version of a file of a Delta log, by its name (PROTOCOL.md, "Delta Log Entries" and "Checkpoints"). */
const LOG_FILE = /\/_delta_log\/(\d{20})\.(json|checkpoint(\.[\d.]+)?\.parquet)$/;
const HINT = '/_delta_log/_last_checkpoint';

/**
 * A storage in which the log of one table ends at a version, whatever is there beyond it. A table that is opened on it
 * follows a catalog's versions step by step: the newest one is mostly ahead of the catalog, by a commit whose other
 * tables are under way or by a compaction, and to go back from it would take a listing of the log.
 */
export class LogCeiling {
  version = -1;
  readonly storage: Storage;

  constructor(inner: Storage) {
    const absent = (path: string): StorageError =>
      new StorageError('STORAGE_NOT_FOUND', path, `beyond version ${this.version}: ${path}`);
    const hidden = (path: string): boolean => Number(LOG_FILE.exec(path)?.[1] ?? -1) > this.version;
    this.storage = {
      ...inner,
      get: async (path) => {
        if (hidden(path)) throw absent(path);
        const bytes = await inner.get(path);
        if (path.endsWith(HINT) && this.isBeyond(bytes)) throw absent(path);
        return bytes;
      },
      stat: async (path) => (hidden(path) ? null : inner.stat(path)),
      list: (prefix, options) => visible(inner.list(prefix, options), hidden),
    };
  }

  private isBeyond(hint: Buffer): boolean {
    try {
      return Number((JSON.parse(hint.toString('utf8')) as { version?: unknown }).version) > this.version;
    } catch {
      // What cannot be read is no hint.
      return true;
    }
  }
}

async function* visible<T extends { readonly path: string }>(
  objects: AsyncIterable<T>,
  hidden: (path: string) => boolean,
): AsyncGenerator<T> {
  for await (const object of objects) if (!hidden(object.path)) yield object;
}
