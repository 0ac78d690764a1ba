import type { CatalogWriter } from '../commit/catalog-writer';
import type { TablePool } from './table-pool';

export interface MaintenanceDeps {
  readonly tables: TablePool;
  readonly filesMin: number;
  readonly now: () => number;
  readonly vacuumEveryMs: number;
  /** Deletes superseded catalog files older than this age, ms. */
  readonly pruneCatalog: (ageMs: number) => Promise<number>;
  readonly pruneBatches: (ageMs: number) => Promise<void>;
  readonly onDone: (what: { table: string; operation: 'compaction' | 'vacuum'; files: number }) => void;
}

const CATALOG_AGE_MS = 7 * 86_400_000;
const BATCHES_AGE_MS = 30 * 86_400_000;

/**
 * Work that keeps tables fast and small, beside the commits: rewrites the small files of partitions that have many,
 * and now and then deletes files that no retained version names. Compaction changes no rows; commits go on meanwhile.
 */
export class Maintenance {
  private vacuumedAt: number;

  constructor(private readonly deps: MaintenanceDeps) {
    this.vacuumedAt = deps.now();
  }

  async round(signal?: AbortSignal): Promise<void> {
    const { deps } = this;
    for (const [id, table] of await deps.tables.opened()) {
      if (signal?.aborted) return;
      const { filesRemoved } = await table.optimize({ filesMin: deps.filesMin, signal });
      if (filesRemoved > 0) deps.onDone({ table: id, operation: 'compaction', files: filesRemoved });
    }
    if (deps.now() - this.vacuumedAt < deps.vacuumEveryMs) return;
    this.vacuumedAt = deps.now();
    for (const [id, table] of await deps.tables.opened()) {
      if (signal?.aborted) return;
      const { files } = await table.vacuum({ signal });
      if (files > 0) deps.onDone({ table: id, operation: 'vacuum', files });
    }
    await deps.pruneCatalog(CATALOG_AGE_MS);
    await deps.pruneBatches(BATCHES_AGE_MS);
  }
}

/**
 * Names the versions that compaction made in the catalog, so that readers leave the small files behind. To be called
 * between commits: a version that holds rows of a commit whose other tables are not in the catalog must not be named.
 */
export async function publishCompacted(catalog: CatalogWriter, tables: TablePool, compacted: Set<string>): Promise<void> {
  const current = catalog.current;
  if (compacted.size === 0 || !current) return;
  const versions: Record<string, number> = {};
  for (const [id, table] of await tables.opened()) {
    const ahead = (table.snapshot.transactionVersion(current.lineId) ?? 0) > current.number;
    if (compacted.has(id) && !ahead && table.version > (current.tables[id]?.version ?? 0)) versions[id] = table.version;
  }
  compacted.clear();
  if (Object.keys(versions).length > 0) await catalog.publish({ lineId: current.lineId, number: current.number, tables: versions });
}
