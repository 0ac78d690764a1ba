import { CatalogLog } from '@millrace/lakehouse/catalog';
import { type Storage, StorageError } from '@millrace/storage';
import { CATALOG_PREFIX, type Catalog, catalogPath, tableRoot } from '@millrace/topics';
import { LineContradiction } from '../commit/plan';

/** What a commit or a rebuild changed. Numbers and versions never fall: an older change merges into a newer state. */
export interface CatalogChange {
  readonly lineId: string;
  /** Batches up to this number are in every clean table. */
  readonly number: number;
  /** New Delta versions by table id. */
  readonly tables: Readonly<Record<string, number>>;
  /** For marts: everything up to this number is in them. */
  readonly builtTo?: Readonly<Record<string, number>>;
  /** Days up to which retention deletes rows, by table id. */
  readonly expiredTo?: Readonly<Record<string, string>>;
}

export interface CatalogWriterOptions {
  readonly storage: Storage;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  /** Superseded files are deleted after this long, ms: readers take the newest, and are done with it long before. */
  readonly keepMs: number;
}

/** Files deleted beside one publication, at most. */
const PRUNED_AT_ONCE = 16;

/**
 * Writes the numbered catalog files that readers take their snapshots from. Each is written once; when another process
 * took the number, the change is merged into what it wrote and tried under the next.
 */
export class CatalogWriter {
  private readonly log: CatalogLog;
  private queue: Promise<unknown> = Promise.resolve();
  /** Superseded files that are still there, oldest first. */
  private readonly superseded: { readonly path: string; readonly sinceMs: number }[] = [];

  constructor(private readonly options: CatalogWriterOptions) {
    this.log = new CatalogLog(options.storage, options.monotonicMs);
  }

  /** The newest known here. */
  get current(): Catalog | null {
    return this.log.current;
  }

  /** The newest in storage. */
  refresh(): Promise<Catalog | null> {
    return this.inTurn(() => this.log.refresh());
  }

  /** Finds what an earlier process left to be pruned. Once, at the start. */
  async adopt(): Promise<void> {
    const newest = await this.refresh();
    const found: { path: string; sinceMs: number }[] = [];
    for await (const { path, modifiedAt } of this.options.storage.list(CATALOG_PREFIX)) {
      if (newest && path < catalogPath(newest.version)) found.push({ path, sinceMs: modifiedAt.getTime() });
    }
    this.superseded.splice(0, this.superseded.length, ...found);
  }

  /**
   * One change after another; resolves with the catalog that holds it.
   *
   * @throws LineContradiction when the storage holds the lake of another line
   */
  publish(change: CatalogChange): Promise<Catalog> {
    return this.inTurn(() => this.write(change));
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.queue.then(task);
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async write(change: CatalogChange): Promise<Catalog> {
    for (;;) {
      const next = merge(this.log.current, change, new Date(this.options.now()).toISOString());
      try {
        await this.options.storage.createIfAbsent(catalogPath(next.version), Buffer.from(JSON.stringify(next)));
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
        await this.log.refresh();
        continue;
      }
      if (next.version > 1) this.superseded.push({ path: catalogPath(next.version - 1), sinceMs: this.options.now() });
      this.log.wrote(next);
      await this.prune();
      return next;
    }
  }

  private async prune(): Promise<void> {
    const before = this.options.now() - this.options.keepMs;
    for (let n = 0; n < PRUNED_AT_ONCE && this.superseded[0]?.sinceMs < before; n++) {
      // A file that cannot be deleted now is found again by the next process.
      await this.options.storage.delete((this.superseded.shift() as { path: string }).path).catch(() => undefined);
    }
  }
}

export function merge(previous: Catalog | null, change: CatalogChange, at: string): Catalog {
  assertOneLake(change.lineId, previous);
  const tables = { ...previous?.tables };
  for (const [table, version] of Object.entries(change.tables)) {
    const known = tables[table];
    tables[table] = { ...known, root: tableRoot(table), version: Math.max(known?.version ?? 0, version) };
  }
  for (const [table, number] of Object.entries(change.builtTo ?? {})) {
    const known = tables[table];
    if (known) tables[table] = { ...known, builtTo: Math.max(known.builtTo ?? 0, number) };
  }
  for (const [table, day] of Object.entries(change.expiredTo ?? {})) {
    const known = tables[table];
    if (known && !(known.expiredTo && known.expiredTo >= day)) tables[table] = { ...known, expiredTo: day };
  }
  return {
    version: (previous?.version ?? 0) + 1,
    lineId: change.lineId,
    number: Math.max(previous?.number ?? 0, change.number),
    at,
    tables,
  };
}

/** @throws LineContradiction when the storage holds the lake of another line than the database's */
export function assertOneLake(lineId: string, catalog: Catalog | null): void {
  if (catalog && catalog.lineId !== lineId) {
    throw new LineContradiction(`the storage holds the lake of line ${catalog.lineId}, not of ${lineId}`);
  }
}
