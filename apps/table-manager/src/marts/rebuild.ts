import type { Duck } from '@millrace/lakehouse';
import { ConcurrentModification } from '@millrace/lakehouse';
import { DUCKDB_MACROS, MARTS, type MartDefinition, martSql } from '@millrace/marts';
import { TOPICS, type TablesChanged } from '@millrace/topics';
import type { CatalogWriter } from '../commit/catalog-writer';
import type { CommitStore, StalePartition } from '../commit/commit-store';
import type { TablePool } from '../tables/table-pool';

export interface RebuildDeps {
  readonly store: Pick<CommitStore, 'stale' | 'built'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly duck: Duck;
  readonly partitionsMax: number;
  readonly newId: () => string;
  readonly failpoint: (name: string) => Promise<void>;
}

export interface Rebuilt {
  readonly number: number;
  readonly partitions: number;
}

/**
 * Rebuilds the stale mart partitions from a snapshot of their sources at one number, and publishes all marts with one
 * catalog file. Which partitions are stale is read before the snapshot is taken, so a touch in between leaves its
 * partition stale. Null when nothing is.
 */
export async function rebuildMarts(deps: RebuildDeps): Promise<Rebuilt | null> {
  const stale = await deps.store.stale(deps.partitionsMax);
  const catalog = deps.catalog.current;
  if (stale.length === 0 || !catalog) return null;
  // The catalog is written before the touch is: it covers every touch that was read.
  const number = catalog.number;
  const tables: Record<string, number> = {};
  const builtTo: Record<string, number> = {};
  const done: StalePartition[] = [];
  for (const mart of MARTS) {
    const partitions = stale.filter((partition) => partition.mart === mart.id);
    if (partitions.length === 0) continue;
    const version = await rebuildMart(deps, mart, partitions.map((p) => p.partition), catalog.tables);
    if (version === null) continue; // another process is rebuilding it; it stays stale until one of us is done
    tables[mart.id] = version;
    builtTo[mart.id] = number;
    done.push(...partitions);
    await deps.failpoint(`built:${mart.id}`);
  }
  if (done.length === 0) return null;
  const published = await deps.catalog.publish({ lineId: catalog.lineId, number, tables, builtTo });
  await deps.failpoint('marts-catalog-written');
  const message: TablesChanged = {
    lineId: catalog.lineId,
    number,
    from: number + 1,
    catalogVersion: published.version,
    tables,
    rebuilt: byMart(done, number),
    at: published.at,
  };
  await deps.store.built(done, number, { id: deps.newId(), topic: TOPICS.tablesChanged.name, body: message });
  return { number, partitions: done.length };
}

async function rebuildMart(
  deps: RebuildDeps,
  mart: MartDefinition,
  partitions: readonly string[],
  versions: Readonly<Record<string, { readonly version: number }>>,
): Promise<number | null> {
  const sources: Record<string, string> = {};
  for (const id of mart.sources) {
    const source = await deps.tables.find(id);
    const version = versions[id]?.version;
    if (!source || version === undefined) throw new Error(`${mart.id} is stale, but its source ${id} is in no catalog`);
    const snapshot = await source.at({ version });
    // The partition expression names a column of the source: its statistics leave out the files of other days.
    const files = source.prune(snapshot, { [mart.partitionExpression]: { values: partitions } });
    sources[id] = `(${await source.scanSql(snapshot, { files })})`;
  }
  const { table } = await deps.tables.ensure(mart.id);
  const sql = martSql(mart, { sources, partitions });
  try {
    const result = await table.replacePartitions(mart.partitionColumn, partitions, sql);
    return result.version;
  } catch (error) {
    if (error instanceof ConcurrentModification) return null;
    throw error;
  }
}

function byMart(partitions: readonly StalePartition[], number: number): Record<string, Record<string, number>> {
  const rebuilt: Record<string, Record<string, number>> = {};
  for (const { mart, partition } of partitions) (rebuilt[mart] ??= {})[partition] = number;
  return rebuilt;
}

/** Makes BigQuery's names known to every connection of a DuckDB. Run once, before the first rebuild. */
export async function prepareDuck(duck: Duck): Promise<void> {
  for (const macro of DUCKDB_MACROS) await duck.query(macro.replace('CREATE OR REPLACE TEMP MACRO', 'CREATE OR REPLACE MACRO'));
}
