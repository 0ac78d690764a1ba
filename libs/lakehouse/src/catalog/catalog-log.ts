import { type Storage, StorageError } from '@millrace/storage';
import { CATALOG_PREFIX, type Catalog, catalogPath } from '@millrace/topics';

/** Further than this it is quicker to list. */
const STEPS_MAX = 64;
/** The number after the newest may have been pruned away when nobody looked for so long: only a listing tells. */
const LISTED_AGAIN_AFTER_MS = 10 * 60_000;

/**
 * Follows the numbered catalog files. The next number is asked for by name, which costs the same however many files
 * there are; the folder is listed at first, and after a long silence.
 */
export class CatalogLog {
  private newest: Catalog | null = null;
  private seenMs = -Infinity;

  constructor(
    private readonly storage: Storage,
    private readonly monotonicMs: () => number,
  ) {}

  get current(): Catalog | null {
    return this.newest;
  }

  /** The newest catalog in storage; null before the first. */
  async refresh(): Promise<Catalog | null> {
    const silentMs = this.monotonicMs() - this.seenMs;
    this.seenMs = this.monotonicMs();
    if (!this.newest || silentMs > LISTED_AGAIN_AFTER_MS) return this.list();
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const next = await this.read(catalogPath((this.newest as Catalog).version + 1));
      if (!next) return this.newest;
      this.newest = next;
    }
    return this.list();
  }

  /** This process has written the next one. */
  wrote(catalog: Catalog): void {
    this.newest = catalog;
    this.seenMs = this.monotonicMs();
  }

  private async list(): Promise<Catalog | null> {
    // The newest that is listed may be pruned before it is read: then there is a newer one.
    for (;;) {
      let last: string | null = null;
      const startAfter = this.newest ? catalogPath(this.newest.version) : undefined;
      for await (const object of this.storage.list(CATALOG_PREFIX, { startAfter })) last = object.path;
      if (last === null) return this.newest;
      const found = await this.read(last);
      if (found) return (this.newest = found);
    }
  }

  private async read(path: string): Promise<Catalog | null> {
    try {
      return JSON.parse((await this.storage.get(path)).toString('utf8')) as Catalog;
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return null;
      throw error;
    }
  }
}
