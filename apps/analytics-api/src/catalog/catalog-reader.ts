import type { Storage } from '@millrace/storage';
import { CATALOG_PREFIX, catalogPath, type Catalog } from '@millrace/topics';

/**
 * The newest catalog. `refresh` asks storage, which only wakes and polls do; answers in between come from memory and
 * are right for the version they name.
 */
export class CatalogReader {
  private newest: Catalog | null = null;
  private refreshing: Promise<Catalog | null> | null = null;

  constructor(private readonly storage: Storage) {}

  current(): Catalog | null {
    return this.newest;
  }

  /** Reads the newest catalog file, if there is a newer one. Concurrent calls share one look. */
  refresh(): Promise<Catalog | null> {
    this.refreshing ??= this.look().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  private async look(): Promise<Catalog | null> {
    let last: string | null = null;
    const startAfter = this.newest ? catalogPath(this.newest.version) : undefined;
    for await (const object of this.storage.list(CATALOG_PREFIX, { startAfter })) last = object.path;
    if (last) this.newest = JSON.parse((await this.storage.get(last)).toString('utf8')) as Catalog;
    return this.newest;
  }
}
