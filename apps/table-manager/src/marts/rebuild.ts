import type { Failpoint } from '@millrace/observability/failpoints';
import { ConcurrentModification, type Snapshot } from '@millrace/lakehouse';
import type { MartDefinition } from '@millrace/marts';
import { traceWork } from '@millrace/messaging';
import { type Catalog, TOPICS, type TablesChanged } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore, Staleness } from '../commit/commit-store';
import type { RowQuestions, TableAt } from '../tables/row-questions';
import type { TablePool } from '../tables/table-pool';
import { nextTurn } from './turn';

export interface RebuildDeps {
  readonly store: Pick<CommitStore, 'stale' | 'built'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly marts: readonly MartDefinition[];
  readonly questions: Pick<RowQuestions, 'mart'>;
  /** Partitions of a mart rebuilt at once. */
  readonly partitionsMax: number;
  /** Source rows that they may have together, unless a single partition has more. */
  readonly rowsMax: number;
  readonly newId: () => string;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Trace contexts of the commits since the last rebuild. */
  readonly causes?: readonly string[];
}

export interface Rebuilt {
  readonly number: number;
  readonly partitions: number;
}

/** A mart as it was before the state that it is rebuilt from was read: what was written to it since is newer. */
interface Target {
  readonly mart: MartDefinition;
  readonly before: Snapshot;
}

/** A mart with its partitions rebuilt, not yet published. */
interface Built {
  readonly id: string;
  readonly snapshot: Snapshot;
  readonly partitions: readonly string[];
  /** The mart holds everything up to this number now. */
  readonly upTo: number;
}

/**
 * Rebuilds the stale mart partitions from a snapshot of their sources at one number, and publishes all marts with one
 * catalog file. Null when nothing is stale. A mart that fails does not hold up the others: they are published, then its
 * failure is thrown.
 *
 * The order of the reads is what keeps old rows from being laid over new ones: the marts' own versions first, then what
 * is stale, then the catalog in storage. Whoever rebuilt a partition from a later state has either done so before the
 * first read, then that state is in the catalog read last; or after it, then the replacement conflicts and is given up.
 */
export async function rebuildMarts(deps: RebuildDeps): Promise<Rebuilt | null> {
  const targets = await openTargets(deps);
  const stale = await deps.store.stale(
    deps.marts.map(({ id }) => id),
    deps.partitionsMax,
  );
  if (![...stale.marts.values()].some((mart) => mart.stale.length > 0)) return null;
  return traceWork(
    () => ({ operation: 'rebuild', topic: TOPICS.tablesChanged.name, causes: deps.causes ?? [] }),
    () => rebuildStale(deps, targets, stale),
  );
}

async function rebuildStale(
  deps: RebuildDeps,
  targets: readonly Target[],
  stale: Awaited<ReturnType<CommitStore['stale']>>,
): Promise<Rebuilt | null> {
  const catalog = await deps.catalog.refresh();
  // The catalog is written before the cursor moves and partitions are touched: it covers every touch that was read.
  if (!catalog || catalog.number < stale.cursor) {
    throw new Error(`batches up to ${stale.cursor} are committed, the catalog ends at ${catalog?.number ?? 0}`);
  }

  const results = await Promise.allSettled(
    targets.map(async ({ mart, before }): Promise<Built | null> => {
      const behind = stale.marts.get(mart.id) ?? { stale: [], upTo: 0 };
      const built = await rebuildMart(deps, { mart, before }, behind, catalog);
      await deps.failpoint('built', mart.id);
      return built;
    }),
  );
  const built = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  const rebuilt = built.filter(({ partitions }) => partitions.length > 0);
  if (rebuilt.length > 0) await publish(deps, catalog, stale.cursor, built);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const partitions = rebuilt.reduce((sum, mart) => sum + mart.partitions.length, 0);
  return partitions === 0 ? null : { number: catalog.number, partitions };
}

async function openTargets({ tables, marts }: RebuildDeps): Promise<Target[]> {
  return Promise.all(
    marts.map(async (mart): Promise<Target> => {
      const { table } = await tables.ensure(mart.id);
      return { mart, before: await table.refresh() };
    }),
  );
}

/** Null when another process is rebuilding the same partitions: they stay stale until one of the two is done. */
async function rebuildMart(
  deps: RebuildDeps,
  { mart: whole, before }: Target,
  behind: Staleness,
  catalog: Catalog,
): Promise<Built | null> {
  if (behind.stale.length === 0) return { id: whole.id, snapshot: before, partitions: [], upTo: behind.upTo };
  const mart = whole.among ? whole.among(await columnsOf(deps, whole, catalog)) : whole;
  // Its partitions are of rows that no rule is about any more: they stay as they are until one is.
  if (!mart) return null;
  const sources = new Map<string, TableAt>();
  for (const id of mart.sources) {
    const entry = catalog.tables[id];
    const at = entry && (await deps.tables.at(id, entry.version));
    if (!at) throw new Error(`${mart.id} is stale, but its source ${id} is in no catalog`);
    sources.set(id, at);
  }
  const { partitions, upTo } = nextTurn(mart, behind, sources.values(), deps.rowsMax);
  for (const id of [...mart.dimensions.map(({ table }) => table), ...(mart.references ?? [])]) {
    const entry = catalog.tables[id];
    const at = entry && (await deps.tables.at(id, entry.version));
    if (at && !sources.has(id)) sources.set(id, at);
  }
  const { table } = await deps.tables.ensure(mart.id);
  const rows = await deps.questions.mart(mart, partitions, sources);
  try {
    await table.replacePartitions(mart.partitionColumn, partitions, rows, { basedOn: before, compression: 'snappy' });
    return { id: mart.id, snapshot: table.snapshot, partitions, upTo };
  } catch (error) {
    if (error instanceof ConcurrentModification) return null;
    throw error;
  }
}

/** Of what is there of a mart's sources and references. */
async function columnsOf(
  { tables }: RebuildDeps,
  { sources, references = [] }: MartDefinition,
  catalog: Catalog,
): Promise<Map<string, ReadonlySet<string>>> {
  const columns = new Map<string, ReadonlySet<string>>();
  for (const id of new Set([...sources, ...references])) {
    const entry = catalog.tables[id];
    const at = entry && (await tables.at(id, entry.version));
    if (at) columns.set(id, new Set(at.snapshot.fields.map(({ name }) => name.toLowerCase())));
  }
  return columns;
}

async function publish(
  deps: RebuildDeps,
  { lineId, number }: Catalog,
  cursor: number,
  built: readonly Built[],
): Promise<void> {
  const rebuilt = built.filter(({ partitions }) => partitions.length > 0);
  const tables = Object.fromEntries(rebuilt.map(({ id, snapshot }) => [id, snapshot.version]));
  const builtTo = Object.fromEntries(built.map(({ id, upTo }) => [id, upTo]));
  const published = await deps.catalog.publish({ lineId, number, tables, builtTo });
  for (const { id, snapshot } of rebuilt) deps.tables.publish(id, snapshot);
  await deps.failpoint('marts-catalog-written');
  const message: TablesChanged = {
    lineId,
    number: cursor,
    from: cursor + 1,
    catalogVersion: published.version,
    tables,
    rebuilt: Object.fromEntries(
      rebuilt.map(({ id, partitions }) => [id, Object.fromEntries(partitions.map((p) => [p, number]))]),
    ),
    at: published.at,
  };
  const partitions = rebuilt.flatMap(({ id, partitions: some }) => some.map((partition) => ({ mart: id, partition })));
  await deps.store.built(partitions, number, { id: deps.newId(), topic: TOPICS.tablesChanged.name, body: message });
  await deps.failpoint('marts-recorded');
}
