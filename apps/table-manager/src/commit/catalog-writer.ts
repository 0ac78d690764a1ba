import { type Storage, StorageError } from '@millrace/storage';
import { CATALOG_PREFIX, type Catalog, catalogPath, tableRoot } from '@millrace/topics';

/** What a commit or a rebuild changed. Numbers and versions never fall: an older change merges into a newer state. */
export interface CatalogChange {
  readonly lineId: string;
  /** Batches up to this number are in every clean table. */
  readonly number: number;
  /** New Delta versions by table id. */
  readonly tables: Readonly<Record<string, number>>;
  /** For marts: everything up to this number is in them. */
  readonly builtTo?: Readonly<Record<string, number>>;
}

/**
 * Writes the numbered catalog files that readers take their snapshots from. Each is written once; when another process
 * took the number, the change is merged into what it wrote and tried under the next.
 */
export class CatalogWriter {
  private newest: Catalog | null = null;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly storage: Storage,
    private readonly now: () => number,
  ) {}

  get current(): Catalog | null {
    return this.newest;
  }

  async load(): Promise<Catalog | null> {
    let last: string | null = null;
    const startAfter = this.newest ? catalogPath(this.newest.version) : undefined;
    for await (const object of this.storage.list(CATALOG_PREFIX, { startAfter })) last = object.path;
    if (last) this.newest = JSON.parse((await this.storage.get(last)).toString('utf8')) as Catalog;
    return this.newest;
  }

  /** One change after another; resolves with the catalog that holds it. */
  publish(change: CatalogChange): Promise<Catalog> {
    const published = this.queue.then(() => this.write(change));
    this.queue = published.catch(() => undefined);
    return published;
  }

  private async write(change: CatalogChange): Promise<Catalog> {
    for (;;) {
      const next = merge(this.newest, change, new Date(this.now()).toISOString());
      try {
        await this.storage.createIfAbsent(catalogPath(next.version), Buffer.from(JSON.stringify(next)));
        return (this.newest = next);
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
        await this.load();
      }
    }
  }

  /** Deletes catalog files that are superseded for longer than `ageMs`. The newest always stays. */
  async prune(ageMs: number): Promise<number> {
    const before = this.now() - ageMs;
    const old: string[] = [];
    for await (const object of this.storage.list(CATALOG_PREFIX)) {
      if (object.modifiedAt.getTime() < before && object.path !== catalogPath(this.newest?.version ?? -1)) old.push(object.path);
    }
    for (const path of old) await this.storage.delete(path);
    return old.length;
  }
}

export function merge(previous: Catalog | null, change: CatalogChange, at: string): Catalog {
  const tables = { ...previous?.tables };
  for (const [table, version] of Object.entries(change.tables)) {
    const known = tables[table];
    const builtTo = Math.max(known?.builtTo ?? 0, change.builtTo?.[table] ?? 0);
    tables[table] = { root: tableRoot(table), version: Math.max(known?.version ?? 0, version), ...(builtTo > 0 && { builtTo }) };
  }
  return {
    version: (previous?.version ?? 0) + 1,
    lineId: change.lineId,
    number: Math.max(previous?.number ?? 0, change.number),
    at,
    tables,
  };
}
