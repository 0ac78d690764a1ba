import { ConcurrentModification, type Duck, type Snapshot } from '@millrace/lakehouse';
import { DUCKDB_MACROS, type MartDefinition, martSql } from '@millrace/marts';
import { type Catalog, TOPICS, type TablesChanged } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore, StalePartition, Staleness } from '../commit/commit-store';
import type { Failpoint } from '../run/failpoint';
import type { TablePool } from '../tables/table-pool';

export interface RebuildDeps {
  readonly store: Pick<CommitStore, 'stale' | 'built'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly marts: readonly MartDefinition[];
  /** Partitions of all marts together, rebuilt at once. */
  readonly partitionsMax: number;
  readonly newId: () => string;
  readonly failpoint: Failpoint;
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

/**
 * Rebuilds the stale mart partitions from a snapshot of their sources at one number, and publishes all marts with one
 * catalog file. Null when nothing is stale.
 *
 * The order of the reads is what keeps old rows from being laid over new ones: the marts' own versions first, then what
 * is stale, then the catalog in storage. Whoever rebuilt a partition from a later state has either done so before the
 * first read, then that state is in the catalog read last; or after it, then the replacement conflicts and is given up.
 */
export async function rebuildMarts(deps: RebuildDeps): Promise<Rebuilt | null> {
  const targets = await openTargets(deps);
  const stale = await deps.store.stale(deps.partitionsMax);
  if (stale.partitions.length === 0) return null;
  const catalog = await deps.catalog.refresh();
  // The catalog is written before the cursor moves and partitions are touched: it covers every touch that was read.
  if (!catalog || catalog.number < stale.upTo)
    throw new Error(`batches up to ${stale.upTo} are committed, the catalog ends before`);

  const tables: Record<string, number> = {};
  const done: StalePartition[] = [];
  for (const target of targets) {
    const partitions = stale.partitions.filter((partition) => partition.mart === target.mart.id);
    if (partitions.length === 0) continue;
    const values = partitions.map((p) => p.partition);
    const snapshot = await rebuildMart(deps, target, values, catalog);
    if (snapshot === null) continue; // another process is rebuilding it; it stays stale until one of us is done
    tables[target.mart.id] = snapshot.version;
    deps.tables.publish(target.mart.id, snapshot);
    done.push(...partitions);
    await deps.failpoint(`built:${target.mart.id}`);
  }
  if (done.length === 0) return null;
  const { lineId, number } = catalog;
  const published = await deps.catalog.publish({ lineId, number, tables, builtTo: builtTo(deps, stale, done) });
  await deps.failpoint('marts-catalog-written');
  const message: TablesChanged = {
    lineId,
    number: stale.upTo,
    from: stale.upTo + 1,
    catalogVersion: published.version,
    tables,
    rebuilt: byMart(done, number),
    at: published.at,
  };
  await deps.store.built(done, number, { id: deps.newId(), topic: TOPICS.tablesChanged.name, body: message });
  await deps.failpoint('marts-recorded');
  return { number, partitions: done.length };
}

async function openTargets({ tables, marts }: RebuildDeps): Promise<Target[]> {
  return Promise.all(
    marts.map(async (mart): Promise<Target> => {
      const { table } = await tables.ensure(mart.id);
      return { mart, before: await table.refresh() };
    }),
  );
}

async function rebuildMart(
  deps: RebuildDeps,
  target: Target,
  partitions: readonly string[],
  catalog: Catalog,
): Promise<Snapshot | null> {
  const { mart, before } = target;
  const sources: Record<string, string> = {};
  for (const id of mart.sources) {
    const entry = catalog.tables[id];
    const at = entry && (await deps.tables.at(id, entry.version));
    if (!at) throw new Error(`${mart.id} is stale, but its source ${id} is in no catalog`);
    // Where the partition expression is a column of the source, its statistics leave out the files of other days.
    const files = at.table.prune(at.snapshot, { [mart.partitionExpression]: { values: partitions } });
    sources[id] = `(${await at.table.scanSql(at.snapshot, { files })})`;
  }
  const { table } = await deps.tables.ensure(mart.id);
  try {
    await table.replacePartitions(mart.partitionColumn, partitions, martSql(mart, { sources, partitions }), {
      basedOn: before,
    });
    return table.snapshot;
  } catch (error) {
    if (error instanceof ConcurrentModification) return null;
    throw error;
  }
}

/** For each mart the number up to which every partition that was touched is rebuilt. */
function builtTo({ marts }: RebuildDeps, stale: Staleness, done: readonly StalePartition[]): Record<string, number> {
  const rebuilt = new Set(done);
  const left = stale.partitions.filter((partition) => !rebuilt.has(partition));
  return Object.fromEntries(
    marts.map(({ id }) => {
      const oldest = Math.min(...left.filter((partition) => partition.mart === id).map(({ from }) => from));
      return [id, Math.min(stale.upTo, oldest - 1)];
    }),
  );
}

function byMart(partitions: readonly StalePartition[], number: number): Record<string, Record<string, number>> {
  const rebuilt: Record<string, Record<string, number>> = {};
  for (const { mart, partition } of partitions) (rebuilt[mart] ??= {})[partition] = number;
  return rebuilt;
}

/** Makes BigQuery's names known to every connection of a DuckDB: a macro that is not temporary belongs to the instance. */
export async function prepareDuck(duck: Duck): Promise<void> {
  for (const macro of DUCKDB_MACROS)
    await duck.query(macro.replace('CREATE OR REPLACE TEMP MACRO', 'CREATE OR REPLACE MACRO'));
}
