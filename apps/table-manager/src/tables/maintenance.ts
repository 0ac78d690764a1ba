import type { TablePool } from './table-pool';

export interface MaintenanceDeps {
  readonly tables: TablePool;
  readonly filesMin: number;
  readonly now: () => number;
  readonly vacuumEveryMs: number;
  /** Deletes superseded catalog files older than this age, ms. */
  readonly pruneCatalog: (ageMs: number) => Promise<number>;
  readonly pruneBatches: (ageMs: number) => Promise<void>;
  /** Names new versions in the catalog: until then readers go on with the files that compaction replaced. */
  readonly publish: (versions: Readonly<Record<string, number>>) => Promise<void>;
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
      const { filesRemoved, version } = await table.optimize({ filesMin: deps.filesMin, signal });
      if (filesRemoved === 0) continue;
      await deps.publish({ [id]: version });
      deps.onDone({ table: id, operation: 'compaction', files: filesRemoved });
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
