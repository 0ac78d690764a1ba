import type { ContractSet } from '@millrace/contracts';
import { isQualityMart, type Mart } from '@millrace/marts';
import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { Failpoint } from '@millrace/observability/failpoints';
import { boundOf } from '@millrace/lakehouse';
import { type AuditRecord, type Catalog, EVENTS_TABLE, type TablesChanged, TOPICS } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore } from '../commit/commit-store';
import { publishRearranged } from '../tables/maintenance';
import type { TablePool } from '../tables/table-pool';
import type { ExpiredFiles } from './expired-files';
import type { ExpiredFile, Removal, RetentionStore } from './port';
import { rowsIn } from './settled-files';
import { cutOffOf, isOverSql, termsOf } from './terms';

export interface RetentionDeps {
  readonly retention: RetentionStore;
  readonly expired: ExpiredFiles;
  readonly store: Pick<CommitStore, 'progress'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly contracts: {
    current(): Pick<ContractSet, 'contracts'>;
    /** Looks for newer ones. */
    reload(): Promise<void>;
  };
  readonly marts: () => readonly Mart[];
  readonly now: () => number;
  readonly newId: () => string;
  readonly failpoint: Failpoint<'table-manager'>;
  readonly onRemoved?: (removed: RowsRemoved) => void;
}

export interface RowsRemoved {
  readonly table: string;
  readonly rows: number;
  readonly files: number;
}

const SERVICE = 'table-manager';
const CLEAN = 'clean.';

/**
 * Deletes what contracts no longer keep, a bounded part of each table at a time. Each part is planned in the database,
 * which freezes the marts' partitions that its rows are counted in; then its rows go in one Delta commit, under the plan's
 * number; then a catalog names the table without them; then it is told. Each step may be the last before the process dies:
 * the next round begins with what is planned, and finds done what was done. Of several processes each step has one winner.
 *
 * Only rows of batches that the cursor has passed go: a range that is committed again after a crash counts its own.
 * Resolves with whether there may be more to do at once; rejects with the first failure, after trying the other tables.
 */
export async function enforceRetention(deps: RetentionDeps, signal: AbortSignal): Promise<boolean> {
  const failures: unknown[] = [];
  let more = false;
  const attempt = async (task: () => Promise<boolean>): Promise<void> => {
    if (signal.aborted) return;
    try {
      more = (await task()) || more;
    } catch (error) {
      failures.push(error);
    }
  };
  const planned = await deps.retention.planned();
  for (const removal of planned) await attempt(() => carryOut(deps, removal, signal));
  const catalog = await deps.catalog.refresh();
  const progress = await deps.store.progress();
  if (!catalog || !progress || progress.lineId !== catalog.lineId) return more;
  // Of the range that is being committed rows are in the catalog already: they are counted until the cursor has moved.
  if (progress.cursor < catalog.number) return more;
  // Whoever asks for rows to be kept longer is heard before the next removal is planned.
  await deps.contracts.reload();
  const newestMs = await newestIntake(deps, catalog);
  if (newestMs === null) return more;
  const nowMs = await deps.retention.horizon(deps.now(), newestMs);
  const busy = new Set(planned.map(({ table }) => table));
  for (const id of Object.keys(catalog.tables))
    if (id.startsWith(CLEAN) && !busy.has(id)) await attempt(() => planOne(deps, { id, catalog, nowMs }, signal));
  if (failures.length > 0) throw failures[0];
  return more;
}

/** When the newest event was taken in, by what files say of themselves; null where none does. */
async function newestIntake({ tables }: RetentionDeps, catalog: Catalog): Promise<number | null> {
  const entry = catalog.tables[EVENTS_TABLE];
  const at = entry && (await tables.at(EVENTS_TABLE, entry.version));
  const newest = at ? boundOf(at.snapshot, 'ingest_time', 'max') : null;
  return newest === null ? null : Date.parse(newest);
}

async function planOne(
  deps: RetentionDeps,
  { id, catalog, nowMs: decidedAtMs }: { readonly id: string; readonly catalog: Catalog; readonly nowMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const marts = deps.marts();
  const terms = termsOf(id, deps.contracts.current(), marts);
  const at = terms.length > 0 ? await deps.tables.at(id, catalog.tables[id].version) : null;
  if (!at) return false;
  const { files, more } = await deps.expired.find(id, at, terms, marts, decidedAtMs, signal);
  if (files.length === 0) return more;
  // Results of quality rules are of what was there; a rule that cannot be judged holds nobody up.
  const holding = new Set(marts.flatMap((mart) => (isQualityMart(mart) ? [] : [mart.id])));
  const seqAfter = at.snapshot.transactionVersion(appIdOf(id)) ?? 0;
  const draft = { id: deps.newId(), seqAfter, table: id, decidedAtMs, terms, files };
  const { removal, waiting } = await deps.retention.plan(draft, holding);
  deps.expired.wait(id, waiting);
  if (!removal) return more;
  await deps.failpoint('retention-planned', id);
  return (await carryOut(deps, removal, signal)) || more;
}

const appIdOf = (table: string): string => `retention:${table}`;

/** Resolves with whether there may be more to do at once. */
async function carryOut(deps: RetentionDeps, removal: Removal, signal: AbortSignal): Promise<boolean> {
  const { retention, tables, catalog, failpoint } = deps;
  const table = await tables.find(removal.table);
  if (!table) throw new Error(`of ${removal.table} rows are to be deleted, and there is none`);
  const appId = appIdOf(removal.table);
  const isDone = (found: number | null): boolean => (found ?? 0) >= removal.seq;
  const snapshot = await table.refresh();
  if (!isDone(snapshot.transactionVersion(appId))) {
    const files = removal.files.flatMap(({ path }) => snapshot.files.get(path) ?? []);
    // Whoever rearranged a file has put its rows into another: they are found there.
    if (files.length < removal.files.length) {
      await retention.abandon(removal);
      return true;
    }
    await announceExpiry(deps, removal);
    const over = `(${isOverSql(removal.terms, removal.decidedAtMs)})`;
    const removals = files.map((file, i) => ({ file, where: removal.files[i].isWhole ? null : () => over }));
    const { outcome } = await table.removeRows(snapshot, removals, {
      parameters: { predicate: JSON.stringify(removal.terms.map(({ dataset }) => `retention of ${dataset}`)) },
      metrics: { numRemovedFiles: files.length, numDeletedRows: rowsOf(removal.files) },
      txn: { appId, version: removal.seq },
      signal,
    });
    if (outcome === 'conflict') return true;
    await failpoint('retention-removed', removal.table);
  }
  // A version with rows of a commit under way is named by that commit.
  await publishRearranged(catalog, tables);
  const newest = await catalog.refresh();
  const entry = newest?.tables[removal.table];
  const shown = entry && (await tables.at(removal.table, entry.version));
  if (!newest || !shown || !isDone(shown.snapshot.transactionVersion(appId))) return false;
  await failpoint('retention-shown', removal.table);
  const cursor = (await deps.store.progress())?.cursor ?? 0;
  if (await retention.done(removal, entry.version, messagesOf(deps, removal, { ...newest, number: cursor })))
    deps.onRemoved?.({ table: removal.table, rows: rowsOf(removal.files), files: removal.files.length });
  return true;
}

const rowsOf = (files: readonly ExpiredFile[]): number => Object.values(rowsIn(files)).reduce((a, b) => a + b, 0);

/** Before any catalog lacks the rows: so nobody takes what is left of a day for all of it. */
async function announceExpiry(
  { catalog }: RetentionDeps,
  { table, terms, decidedAtMs, files }: Removal,
): Promise<void> {
  const current = await catalog.refresh();
  if (!current) return;
  const days: Record<string, string> = {};
  const upTo = (id: string, day: string): void => {
    if (!(days[id] >= day)) days[id] = day;
  };
  for (const term of terms) upTo(table, cutOffOf(term, decidedAtMs).slice(0, 10));
  for (const { mart, partition } of files.flatMap(({ partitions }) => partitions)) upTo(mart, partition);
  const expiredTo = Object.fromEntries(
    Object.entries(days).filter(([id, day]) => current.tables[id] && !((current.tables[id].expiredTo ?? '') >= day)),
  );
  if (Object.keys(expiredTo).length === 0) return;
  await catalog.publish({ lineId: current.lineId, number: current.number, tables: {}, expiredTo });
}

function messagesOf(deps: RetentionDeps, removal: Removal, at: Catalog): OutboxEntry[] {
  const { table, terms, files, decidedAtMs } = removal;
  const { version } = at.tables[table];
  const rows = rowsIn(files);
  const record: AuditRecord = {
    ...{ id: removal.id, at: new Date(deps.now()).toISOString(), service: SERVICE, actor: SERVICE },
    ...{ action: 'retention.rows_deleted', subject: table },
    detail: {
      ...{ version, rows: rowsOf(files), files: files.length },
      datasets: terms.flatMap((term) =>
        rows[term.dataset] > 0
          ? [{ dataset: term.dataset, rows: rows[term.dataset], cutOff: cutOffOf(term, decidedAtMs), from: term.from }]
          : [],
      ),
    },
  };
  const changed: TablesChanged = {
    ...{ lineId: at.lineId, number: at.number, from: at.number + 1, catalogVersion: at.version, at: at.at },
    tables: { [table]: version },
  };
  return [
    { id: removal.id, topic: TOPICS.audit.name, body: record },
    { id: deps.newId(), topic: TOPICS.tablesChanged.name, body: changed },
  ];
}
