import { holdingSql, rowsHolding } from '../duckdb';
import type { AddFile, PartitionValues } from './actions';
import { fromLogPath } from './data-paths';
import { assertWritable } from './protocol-support';
import { removeRows } from './remove-rows';
import type { SourceColumn } from './select-columns';
import type { Snapshot } from './snapshot';
import { PLANS_MAX, type TableContext } from './table-context';

/** A file of a version, and how many of its rows hold one of some texts. */
export interface HoldingFile {
  readonly file: AddFile;
  readonly rows: number;
}

export interface DeleteResult {
  /** The version without the rows; the present one where there were none. */
  readonly version: number;
  readonly rows: number;
  /** Files that held them, rewritten or gone. */
  readonly filesRemoved: number;
}

/** A data file that the newest version does not name, and how many of its rows hold one of some texts. */
export interface UnusedFile {
  /** Storage path. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
}

/** Local files looked through between two looks at whether to go on. */
const FILES_AT_ONCE = 256;

/** Files of a version with rows that hold one of the texts in any text column. */
export async function filesHolding(
  context: TableContext,
  snapshot: Snapshot,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<HoldingFile[]> {
  const found: HoldingFile[] = [];
  const files = [...snapshot.files.values()];
  for (let i = 0; i < files.length; i += FILES_AT_ONCE) {
    signal?.throwIfAborted();
    const some = files.slice(i, i + FILES_AT_ONCE);
    const local = await Promise.all(some.map((file) => localPath(context, fromLogPath(file.path))));
    const rows = await rowsHolding(context.duck, local, texts);
    some.forEach((file, at) => {
      const held = rows.get(local[at]) ?? 0;
      if (held > 0) found.push({ file, rows: held });
    });
  }
  return found;
}

/**
 * Deletes the rows that hold one of the texts in any text column, in one commit: files that have such rows are rewritten
 * without them. Appends of others go on meanwhile; where somebody else rearranged the files it is planned anew, and where
 * somebody else deleted the same rows there are none left. Doing it again changes nothing.
 *
 * The old files stay until they are vacuumed, or deleted as unused.
 */
export async function deleteHolding(
  context: TableContext,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<DeleteResult> {
  for (let plans = 1; ; plans++) {
    const snapshot = await context.refresh();
    assertWritable(snapshot, { removesRows: true });
    const holding = await filesHolding(context, snapshot, texts, signal);
    const rows = holding.reduce((sum, each) => sum + each.rows, 0);
    if (rows === 0) return { version: snapshot.version, rows: 0, filesRemoved: 0 };
    const where = (columns: readonly SourceColumn[]): string => holdingSql(columns, texts);
    const committed = await removeRows(
      context,
      snapshot,
      holding.map(({ file }) => ({ file, where })),
      {
        // What is looked for is not said: the log outlives it.
        parameters: { predicate: '["rows of an erased subject"]' },
        metrics: { numRemovedFiles: holding.length, numDeletedRows: rows },
        ...(signal && { signal }),
      },
    );
    if (committed.outcome === 'committed')
      return { version: committed.snapshot.version, rows, filesRemoved: holding.length };
    if (committed.outcome === 'conflict' && plans >= PLANS_MAX) throw committed.error;
  }
}

/**
 * Data files below the table's root that the newest version does not name and that hold one of the texts: those of
 * former versions, and those that no commit ever named. The version must not have such rows itself, so that no commit
 * under way can come to name one of these.
 */
export async function unusedHolding(
  context: TableContext,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<UnusedFile[]> {
  const snapshot = await context.refresh();
  const root = context.log.path('');
  const used = new Set([...snapshot.files.values()].map(({ path }) => `${root}${fromLogPath(path)}`));
  const unused: { path: string; bytes: number }[] = [];
  for await (const { path, bytes } of context.log.storage.list(root))
    if (path.endsWith('.parquet') && !path.startsWith(`${root}_delta_log/`) && !used.has(path))
      unused.push({ path, bytes });
  const found: UnusedFile[] = [];
  for (let i = 0; i < unused.length; i += FILES_AT_ONCE) {
    signal?.throwIfAborted();
    const some = unused.slice(i, i + FILES_AT_ONCE);
    const local = await Promise.all(some.map(({ path }) => context.log.storage.localPath(path)));
    const rows = await rowsHolding(context.duck, local, texts);
    some.forEach((file, at) => {
      const held = rows.get(local[at]) ?? 0;
      if (held > 0) found.push({ ...file, rows: held });
    });
  }
  return found;
}

/**
 * Data files that were removed from the partitions of some values and may still be there: former versions name them, and
 * no commit under way can.
 */
export async function removedFiles(
  context: TableContext,
  isWanted: (values: PartitionValues) => boolean,
): Promise<{ readonly path: string; readonly bytes: number }[]> {
  const { tombstones } = await context.refresh();
  return [...tombstones.values()].flatMap(({ path, partitionValues, size }) =>
    partitionValues && isWanted(partitionValues) ? { path: context.log.path(fromLogPath(path)), bytes: size ?? 0 } : [],
  );
}

const localPath = (context: TableContext, below: string): Promise<string> =>
  context.log.storage.localPath(context.log.path(below));
