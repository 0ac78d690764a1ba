import type { Duck } from '@millrace/lakehouse';
import { isQualityMart, type Mart } from '@millrace/marts';
import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import { type Catalog, type TablesChanged, tokenMarks, TOPICS } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore } from '../commit/commit-store';
import { publishRearranged } from '../tables/maintenance';
import type { TablePool } from '../tables/table-pool';
import { isMart } from '../tables/table-specs';
import type { TableErasure, TableErasureStore } from './port';
import { partitionsOf } from './postgres-store';
import { martsHolding } from './questions';

export interface EraseRowsDeps {
  readonly erasures: TableErasureStore;
  readonly store: Pick<CommitStore, 'progress'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly storage: Pick<Storage, 'delete'>;
  readonly duck: Duck;
  readonly marts: () => readonly Mart[];
  readonly now: () => number;
  readonly newId: () => string;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Readers of a former catalog may go on with its files for so long, ms. */
  readonly graceMs: number;
}

/**
 * One step of the erasure that was asked for first: deletes the rows with tokens of destroyed keys from all tables, has
 * marts built without them, and deletes the files of former versions that held them. Each step may be the last before the
 * process dies: the next one begins with what is on record, and finds done what was done.
 *
 * No batch after the erasure's number has such rows, and nothing begins before that number is committed: so neither a
 * commit, nor one that is repeated after a crash, brings any back. Resolves with whether there may be more to do at once.
 */
export async function eraseRows(deps: EraseRowsDeps, signal: AbortSignal): Promise<boolean> {
  const erasure = await deps.erasures.next();
  if (!erasure) return false;
  const waitingFor = await STEPS[erasure.status](deps, erasure, signal);
  if (waitingFor === null) return true;
  await deps.erasures.waiting(erasure, waitingFor);
  return false;
}

type Step = (deps: EraseRowsDeps, erasure: TableErasure, signal: AbortSignal) => Promise<string | null>;

const STEPS: Readonly<Record<TableErasure['status'], Step>> = {
  requested: find,
  deleting: remove,
  rebuilding: awaitMarts,
  sweeping: sweep,
  done: async () => null,
};

/** What it waits for, or null where the erasure has moved on. */
async function find(deps: EraseRowsDeps, erasure: TableErasure, signal: AbortSignal): Promise<string | null> {
  const progress = await deps.store.progress();
  if (progress?.lineId !== erasure.lineId) return `batches of line ${erasure.lineId}`;
  const catalog = await deps.catalog.refresh();
  if (progress.cursor < erasure.number || !catalog || catalog.number < erasure.number)
    return `batches up to ${erasure.number} to be committed`;
  const marks = tokenMarks(erasure.keys);
  const rows: Record<string, number> = {};
  const martPartitions: Record<string, string[]> = {};
  for (const id of cleanTables(catalog)) {
    const table = await deps.tables.find(id);
    if (!table) continue;
    const snapshot = await table.refresh();
    const holding = await table.filesHolding(marks, snapshot, signal);
    if (holding.length === 0) continue;
    rows[id] = holding.reduce((sum, each) => sum + each.rows, 0);
    const marts = deps.marts().filter(({ sources }) => sources.includes(id));
    const files = { files: holding.map(({ file }) => file) };
    for (const [mart, some] of await martsHolding(deps.duck, { table, snapshot }, marts, files, marks))
      martPartitions[mart] = [...new Set([...(martPartitions[mart] ?? []), ...some])].sort();
  }
  await deps.erasures.found(erasure, { rows, martPartitions });
  await deps.failpoint('erasure-searched');
  return null;
}

async function remove(deps: EraseRowsDeps, erasure: TableErasure, signal: AbortSignal): Promise<string | null> {
  const { tables, catalog, failpoint } = deps;
  const marks = tokenMarks(erasure.keys);
  const ids = Object.keys(erasure.rows);
  const without = new Map<string, number>();
  for (const id of ids) {
    const table = await tables.find(id);
    if (!table) continue;
    without.set(id, (await table.deleteHolding(marks, signal)).version);
    await failpoint('erasure-deleted', id);
  }
  // A version with rows of a commit under way is named by that commit.
  await publishRearranged(catalog, tables);
  const newest = await catalog.refresh();
  for (const id of ids) {
    const entry = newest?.tables[id];
    if (entry && entry.version >= (without.get(id) ?? Infinity)) continue;
    const at = entry && (await tables.at(id, entry.version));
    if (at && (await at.table.filesHolding(marks, at.snapshot, signal)).length > 0)
      return 'a catalog to name the tables without the rows';
  }
  const progress = await deps.store.progress();
  if (!newest || !progress) return 'a catalog';
  await deps.erasures.shown(erasure, changed(deps, newest, progress.cursor, ids));
  await failpoint('erasure-shown');
  return null;
}

async function awaitMarts(deps: EraseRowsDeps, erasure: TableErasure): Promise<string | null> {
  // Results of quality rules are numbers; a rule that cannot be judged holds nobody up.
  const always = new Set(deps.marts().flatMap((mart) => (isQualityMart(mart) ? [] : mart.id)));
  const stale = await deps.erasures.stale(partitionsOf(erasure).filter(({ mart }) => always.has(mart)));
  if (stale > 0) return 'marts to be built without the rows';
  await deps.erasures.rebuilt(erasure);
  return null;
}

async function sweep(deps: EraseRowsDeps, erasure: TableErasure, signal: AbortSignal): Promise<string | null> {
  const { storage, tables, graceMs, now } = deps;
  if (now() < (erasure.rebuiltMs ?? 0) + graceMs) return 'readers to move on from files of before';
  const catalog = await deps.catalog.refresh();
  let [files, bytes] = [0, 0];
  const gone = async (path: string, size: number): Promise<void> => {
    await storage.delete(path);
    files++;
    bytes += size;
  };
  const marks = tokenMarks(erasure.keys);
  for (const id of Object.keys(catalog?.tables ?? {})) {
    const table = await tables.find(id);
    if (!table) continue;
    signal.throwIfAborted();
    if (!isMart(id)) for (const each of await table.unusedHolding(marks, signal)) await gone(each.path, each.bytes);
    else {
      const partitions = new Set(erasure.martPartitions[id]);
      if (partitions.size > 0)
        for (const each of await table.removedFiles((values) =>
          Object.values(values).some((v) => partitions.has(String(v))),
        ))
          await gone(each.path, each.bytes);
    }
  }
  await deps.failpoint('erasure-swept');
  await deps.erasures.swept(erasure, files, bytes);
  return null;
}

const cleanTables = (catalog: Catalog): string[] => Object.keys(catalog.tables).filter((id) => !isMart(id));

function changed({ newId }: EraseRowsDeps, at: Catalog, cursor: number, ids: readonly string[]): OutboxEntry {
  const body: TablesChanged = {
    ...{ lineId: at.lineId, number: cursor, from: cursor + 1, catalogVersion: at.version, at: at.at },
    tables: Object.fromEntries(ids.flatMap((id) => (at.tables[id] ? [[id, at.tables[id].version]] : []))),
  };
  return { id: newId(), topic: TOPICS.tablesChanged.name, body };
}
