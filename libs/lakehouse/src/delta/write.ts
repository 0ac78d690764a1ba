import { CommitOutcomeUnknown } from '../errors';
import { type Action, type AddFile, type Metadata, removalOf } from './actions';
import type { CommitPlan } from './commit';
import { type Dependence, isDuplicate, type TransactionId } from './conflicts';
import type { WriteTarget, Written } from './data-writer';
import { assertWritable } from './protocol-support';
import { type Field, schemaDigest, serializeSchema } from './schema';
import type { RowSession } from './row-engine';
import { planColumns } from './select-columns';
import type { Snapshot } from './snapshot';
import { type Compression, PLANS_MAX, type TableContext } from './table-context';

export interface WriteOptions {
  /** Add columns that the table lacks; otherwise they are a `SchemaMismatch`. Default false. */
  readonly mergeSchema?: boolean;
  /** Makes the write idempotent. */
  readonly txn?: TransactionId;
  /** Default the table's. For files that are soon rewritten snappy costs a third less CPU than zstd, for twice the bytes. */
  readonly compression?: Compression;
}

export interface WriteResult {
  /** The version committed; the present one when nothing was. */
  readonly version: number;
  readonly outcome: 'committed' | 'skipped' | 'unchanged';
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Values of the first partition column that got rows. */
  readonly partitions: readonly (string | null)[];
  readonly filesRemoved: number;
}

/** What a write does beside adding rows. */
export interface WriteIntent {
  readonly operation: string;
  readonly parameters: (snapshot: Snapshot) => Record<string, unknown>;
  readonly depends: Omit<Dependence, 'txn'>;
  /** Files that the new ones replace. */
  readonly replaces: (snapshot: Snapshot) => AddFile[];
  /** Throws when a file holds rows that it may not. */
  readonly check?: (adds: readonly AddFile[], snapshot: Snapshot) => void;
  /** Where the new rows come from. */
  readonly source: (rows: RowSession) => Promise<string>;
}

/**
 * Writes rows as new files and commits them: files first, synced, then the log's entry. On a conflict that does not
 * concern rows the write is planned anew on the version that was met; new files are removed when it is certain that no
 * commit names them, and left to vacuum when it is not.
 */
export async function writeRows(
  context: TableContext,
  start: Snapshot,
  intent: WriteIntent,
  options: WriteOptions,
): Promise<WriteResult> {
  let snapshot = start;
  for (let plans = 1; ; plans++) {
    assertWritable(snapshot, { removesRows: intent.depends.rows !== null });
    if (options.txn && isDuplicate(options.txn, snapshot.transactionVersion(options.txn.appId))) {
      return unwritten(snapshot, 'skipped');
    }
    const { plan, written } = await prepare(context, snapshot, intent, options);
    if (plan.actions.length === 0) return unwritten(snapshot, 'unchanged');
    const committed = await context.commit(snapshot, plan).catch(async (error: unknown) => {
      if (!(error instanceof CommitOutcomeUnknown)) await quietly(written);
      throw error;
    });
    if (committed.outcome === 'committed') return result(committed.snapshot, plan, written);
    await quietly(written);
    if (committed.outcome === 'duplicate') return unwritten(committed.snapshot, 'skipped');
    if (committed.error.changed === 'rows' || plans >= PLANS_MAX) throw committed.error;
    snapshot = committed.snapshot;
  }
}

async function prepare(
  context: TableContext,
  snapshot: Snapshot,
  intent: WriteIntent,
  options: WriteOptions,
): Promise<{ plan: CommitPlan; written: Written }> {
  const now = context.now();
  const { written, metadata } = await context.rows.use(async (rows) => {
    const source = await intent.source(rows);
    const columns = await rows.describe(source);
    const { fields, changed } = planColumns(snapshot.fields, columns, options.mergeSchema ?? false);
    const selected = rows.select(fields, columns, source, snapshot.partitionColumns);
    const target = { ...targetOf(context, snapshot, fields, now), ...compressionOf(options) };
    return {
      written: await rows.write(context.log, selected, target, { dataChange: true, newId: context.newId }),
      metadata: changed ? withFields(snapshot.metadata, fields) : null,
    };
  });
  try {
    intent.check?.(written.adds, snapshot);
  } catch (error) {
    await quietly(written);
    throw error;
  }

  const actions: Action[] = [];
  if (metadata) actions.push({ metaData: metadata });
  actions.push(...intent.replaces(snapshot).map((file) => removalOf(file, now, true)));
  actions.push(...written.adds.map((add) => ({ add })));
  // A transaction without rows is recorded too: it is what makes its repetition recognisable.
  if (options.txn) {
    actions.push({ txn: { appId: options.txn.appId, version: options.txn.version, lastUpdated: now } });
  }
  const plan: CommitPlan = {
    actions,
    depends: { ...intent.depends, txn: options.txn },
    operation: intent.operation,
    parameters: intent.parameters(snapshot),
    metrics: { numFiles: written.adds.length, numOutputRows: written.rows, numOutputBytes: written.bytes },
  };
  return { plan, written };
}

const compressionOf = ({ compression }: WriteOptions): { compression?: Compression } =>
  compression ? { compression } : {};

export const targetOf = (
  context: TableContext,
  snapshot: Snapshot,
  fields: readonly Field[],
  now: number,
): WriteTarget => ({
  fields,
  partitionColumns: snapshot.partitionColumns,
  digest: fields === snapshot.fields ? snapshot.digest : schemaDigest(fields, snapshot.partitionColumns),
  compression: context.compression,
  now,
});

export const withFields = (metadata: Metadata, fields: readonly Field[]): Metadata => ({
  ...metadata,
  schemaString: serializeSchema(fields),
});

/** What cannot be removed now is removed by vacuum; the reason for which it is removed matters more. */
export const quietly = (written: Written): Promise<void> => written.undo().catch(() => undefined);

const unwritten = (snapshot: Snapshot, outcome: 'skipped' | 'unchanged'): WriteResult => ({
  version: snapshot.version,
  outcome,
  files: 0,
  rows: 0,
  bytes: 0,
  partitions: [],
  filesRemoved: 0,
});

function result(snapshot: Snapshot, plan: CommitPlan, written: Written): WriteResult {
  const column = snapshot.partitionColumns[0];
  const partitions = column === undefined ? [] : written.adds.map((add) => add.partitionValues[column] ?? null);
  return {
    version: snapshot.version,
    outcome: 'committed',
    files: written.adds.length,
    rows: written.rows,
    bytes: written.bytes,
    partitions: [...new Set(partitions)],
    filesRemoved: plan.actions.filter((a) => 'remove' in a).length,
  };
}
