import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock, Logger } from '@millrace/observability';
import { DuckError } from '@millrace/lakehouse/duckdb';
import { ProblemException } from '@millrace/service';
import { type Storage, StorageError } from '@millrace/storage';
import { dimensionColumns, dimensionTable, type StagedFile } from '@millrace/topics';
import type { ContractsKeeper } from '../contracts/keeper';
import type { BatchIds } from '../landing/batch-ids';
import type { UnnumberedBatch } from '../landing/message';
import { LandingError, type LandingStore } from '../landing/port';
import type { Stager } from '../staging/stager';
import { type TableRows, TableRowsBuilder } from '../staging/table-rows';
import { type Applied, applyLoad, type Change, type Load, mergedEntries } from './apply-load';
import type { DimensionFiles } from './files';
import { encodeHistory } from './history-file';
import { EMPTY_INDEX, type VersionIndex } from './index-of-versions';
import { type Attribute, DIMENSION_LIMITS, type DimensionEntry, type Value } from './model';
import { historyPath, historyPrefix, rawLoadPath, versionOf } from './paths';
import { readRows, type SentRows } from './read-rows';

export interface DimensionLoadDeps {
  readonly store: LandingStore;
  readonly storage: Storage;
  readonly files: DimensionFiles;
  readonly stager: Stager;
  readonly keeper: ContractsKeeper;
  readonly ids: Pick<BatchIds, 'take'>;
  /** Of this process's worker; null while it has none. */
  readonly epoch: () => number | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A batch has landed and waits to be announced. */
  readonly onLanded: (message: UnnumberedBatch, number: number) => void;
}

export interface DimensionLoad extends SentRows {
  readonly tenant: string;
  readonly name: string;
  readonly mode: Load['mode'];
  /** Milliseconds since 1970 from when on changes hold; null for now. */
  readonly effectiveMs: number | null;
}

export interface LoadedDimension {
  readonly entry: DimensionEntry;
  readonly counts: Pick<Applied, 'added' | 'updated' | 'removed' | 'unchanged'>;
  /** Place on the number line; null where nothing changed. */
  readonly number: number | null;
}

/** Loads that may be faster before this one gives up. */
const RACES_MAX = 10;
/** History files that are kept behind the one in force, for whoever is about to read them. */
const VERSIONS_KEPT = 3;
export const DIMENSIONS_TOPIC = 'dimensions';

/**
 * Lays a load over a dimension: its bytes go to the raw zone, its changes land as a batch of the number line, and the
 * whole history becomes a new file, all or nothing. A load that changes nothing lands nothing, so it may be repeated.
 *
 * @throws ProblemException for a load that cannot be read, or not now
 */
export async function loadDimension(deps: DimensionLoadDeps, load: DimensionLoad): Promise<LoadedDimension> {
  for (let races = 0; races < RACES_MAX; races++) {
    const done = await attempt(deps, load);
    if (done) return done;
  }
  throw later('Other loads of this dimension were faster each time.');
}

/** Null when another load, contract or key was faster. */
async function attempt(deps: DimensionLoadDeps, load: DimensionLoad): Promise<LoadedDimension | null> {
  const { tenant, name, mode } = load;
  const epoch = deps.epoch();
  const { current } = deps.keeper;
  if (epoch === null || !current) throw later('The worker is starting.');
  const before = await deps.store.dimension(tenant, name);
  if (!before) await assertRoom(deps.store, tenant);
  const { keyColumn, attributes, rows } = await readRows(load, before);
  const history = before ? await deps.files.read(before) : EMPTY_INDEX;
  const nowMs = deps.clock.now();
  const applied = await applyLoad(history, { mode, effectiveMs: load.effectiveMs ?? nowMs, rows });
  const { added, updated, removed, unchanged } = applied;
  const counts = { added, updated, removed, unchanged };
  const isSame = applied.changes.length === 0 && attributes.length === (before?.attributes.length ?? -1);
  if (before && isSame) return { entry: before, counts, number: null };

  const batchId = await deps.ids.take();
  const version = (before?.version ?? 0) + 1;
  const loadedAt = new Date(nowMs).toISOString();
  const entry: DimensionEntry = {
    ...{ tenant, name, version, keyColumn, attributes, loadedAt },
    path: historyPath(tenant, name, version, batchId, epoch),
    keys: history.size + newKeys(history, applied),
  };
  assertSize(history, applied);
  assertMemory(deps, load, history, applied);
  const written: string[] = [];
  try {
    const files = await writeFiles(deps, load, entry, history, applied, { batchId, epoch }, written);
    const number = await land(deps, entry, files, { batchId, epoch }, current);
    if (number === null) {
      await discard(deps, written);
      return null;
    }
    await forgetOld(deps, entry);
    return { entry, counts, number };
  } catch (error) {
    // Whether it happened is not known: its files may be those in force.
    if (error instanceof LandingError && error.code === 'LANDING_UNKNOWN')
      throw later('The connection broke. Repeat the load: what has landed does not land again.', error);
    await discard(deps, written);
    const isAway = (error instanceof StorageError || error instanceof DuckError) && error.canRetry;
    if (error instanceof LandingError || isAway) throw later('The load could not land now.', error);
    throw error;
  }
}

const newKeys = (history: VersionIndex, { changed }: Applied): number =>
  [...changed.keys()].reduce((count, key) => (history.has(key) ? count : count + 1), 0);

interface Writer {
  readonly batchId: number;
  readonly epoch: number;
}

async function writeFiles(
  { storage, stager }: DimensionLoadDeps,
  load: DimensionLoad,
  entry: DimensionEntry,
  history: VersionIndex,
  applied: Applied,
  writer: Writer,
  written: string[],
): Promise<StagedFile[]> {
  const { tenant, name, version, keyColumn, attributes, loadedAt } = entry;
  const raw = rawLoadPath(tenant, name, loadedAt.slice(0, 10), writer.batchId, writer.epoch, load.format);
  const header = { format: 1, tenant, name, version, keyColumn, attributes } as const;
  const files: [string, Buffer][] = [
    [raw, await promisify(gzip)(load.body, { level: 1 })],
    [entry.path, await encodeHistory(header, mergedEntries(history, applied.changed))],
  ];
  for (const [path, bytes] of files) {
    written.push(path);
    await storage.createIfAbsent(path, bytes);
  }
  const rows = changeRows(entry, applied.changes, writer.batchId, raw);
  const staged = await stager.use((staging) => staging.table(rows, writer, written));
  return [{ ...staged, columns: dimensionColumns(attributes) }];
}

async function land(
  deps: DimensionLoadDeps,
  entry: DimensionEntry,
  files: StagedFile[],
  { batchId, epoch }: Writer,
  current: NonNullable<ContractsKeeper['current']>,
): Promise<number | null> {
  const { contracts, keysEpoch, lineId } = current;
  const place = { topic: DIMENSIONS_TOPIC, partition: `${entry.tenant}/${entry.name}`, range: null };
  const message: UnnumberedBatch = {
    ...{ lineId, batchId, ...place, landedAt: entry.loadedAt, contractsIndex: contracts.index },
    ...{ acceptedFrom: null, acceptedTo: null, files, counts: [] },
  };
  const landing = await deps.store.begin();
  let number: number;
  try {
    if (!(await landing.setDimension(entry))) {
      await landing.rollback();
      return null;
    }
    await landing.manifest({ batchId, epoch, ...place, landed: 0, duplicate: 0, quarantined: 0, stats: [], message });
    ({ number } = await landing.commit({ batchId, epoch, contractsIndex: contracts.index, keysEpoch }));
  } catch (error) {
    if (error instanceof LandingError && error.code === 'LANDING_UNKNOWN') throw error;
    await landing.rollback();
    if (error instanceof LandingError && error.code === 'LANDING_LINE_MOVED') {
      await deps.keeper.refresh();
      return null;
    }
    throw error;
  }
  deps.onLanded(message, number);
  return number;
}

const ROW_BYTES = 256;

function changeRows(
  { tenant, name, attributes, loadedAt }: DimensionEntry,
  changes: readonly Change[],
  batchId: number,
  rawPart: string,
): TableRows {
  const columns = dimensionColumns(attributes).filter((column) => column.name !== '_loaded_at');
  const rows = new TableRowsBuilder(dimensionTable(name), columns, changes.length * ROW_BYTES);
  for (const { key, fromMs, toMs, values } of changes) {
    const given = values === null ? [] : (JSON.parse(values) as Value[]);
    rows.add({
      ...Object.fromEntries(attributes.map((attribute: Attribute, i) => [attribute.name, given[i] ?? null])),
      tenant_id: tenant,
      dimension_key: key,
      valid_from: new Date(fromMs).toISOString(),
      valid_to: toMs === null ? null : new Date(toMs).toISOString(),
      is_deleted: values === null,
      loaded_at: loadedAt,
      _batch_id: batchId,
      _source: DIMENSIONS_TOPIC,
      _raw_part: rawPart,
      load_date: loadedAt.slice(0, 10),
    });
  }
  return rows.done();
}

async function assertRoom(store: LandingStore, tenant: string): Promise<void> {
  const count = (await store.dimensions()).filter((entry) => entry.tenant === tenant).length;
  if (count < DIMENSION_LIMITS.dimensionsMax) return;
  throw new ProblemException(409, { detail: `There are ${count} dimensions already, the most that may be.` });
}

function assertSize(history: VersionIndex, { changes }: Applied): void {
  if (history.versions + changes.length <= DIMENSION_LIMITS.versionsMax) return;
  throw new ProblemException(409, {
    detail: `The history would have more than ${DIMENSION_LIMITS.versionsMax} versions, the most that a dimension may have.`,
  });
}

/** What contracts ask for is in memory whole, and one more may be asked for at any time. */
function assertMemory(
  { keeper, files: { bytesMax } }: DimensionLoadDeps,
  { tenant, name }: DimensionLoad,
  history: VersionIndex,
  { changed, changes }: Applied,
): void {
  const bytes = history.bytesWith(
    [...changed.keys()].filter((key) => !history.has(key)),
    changes,
  );
  const beside = keeper.dimensionBytesBeside(tenant, name);
  if (beside + bytes <= bytesMax) return;
  const mib = (some: number): string => `${Math.ceil(some / 2 ** 20)} MiB`;
  throw new ProblemException(409, {
    detail: `The history would take ${mib(bytes)} of memory beside ${mib(beside)} of those that contracts ask for; DIMENSIONS_MEMORY_MAX is ${mib(bytesMax)}.`,
  });
}

async function discard({ storage }: DimensionLoadDeps, written: readonly string[]): Promise<void> {
  for (const path of written) await storage.delete(path).catch(() => undefined);
}

/** Older histories, and what loads that were killed have left. The file in force says everything that they say. */
async function forgetOld({ storage, logger }: DimensionLoadDeps, entry: DimensionEntry): Promise<void> {
  try {
    const old: string[] = [];
    for await (const { path } of storage.list(historyPrefix(entry.tenant, entry.name)))
      if (versionOf(path) <= entry.version - VERSIONS_KEPT) old.push(path);
    for (const path of old) await storage.delete(path);
  } catch (error) {
    logger.warn({ error: error as Error }, 'old histories of a dimension could not be deleted yet');
  }
}

const later = (detail: string, cause?: unknown): ProblemException =>
  new ProblemException(503, { detail, cause }, { 'retry-after': '1' });
