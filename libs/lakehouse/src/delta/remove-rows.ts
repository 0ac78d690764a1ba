import { CommitOutcomeUnknown } from '../errors';
import { type Action, type AddFile, removalOf } from './actions';
import type { Committed, CommitPlan } from './commit';
import type { TransactionId } from './conflicts';
import type { Written } from './data-writer';
import { assertWritable } from './protocol-support';
import type { SourceColumn } from './select-columns';
import type { Snapshot } from './snapshot';
import type { TableContext } from './table-context';
import { quietly, targetOf } from './write';

/** A file of a snapshot, and which of its rows go. */
export interface FileRemoval {
  readonly file: AddFile;
  /**
   * A condition in the row engine's language, which is never null, over the file's columns: rows for which it is true go.
   * Null where all do: then the file is not read.
   */
  readonly where: ((columns: readonly SourceColumn[]) => string) | null;
}

export interface RemoveOptions extends Pick<CommitPlan, 'parameters' | 'metrics'> {
  /** Makes the removal idempotent. */
  readonly txn?: TransactionId;
  readonly signal?: AbortSignal;
}

/**
 * Removes rows in one commit: files that lose all go, others are rewritten without them. Appends of others go on
 * meanwhile; where somebody else has rearranged or removed one of the files nothing is committed, and the outcome is a
 * conflict: the caller plans anew. The old files stay until they are vacuumed, or deleted as unused.
 */
export async function removeRows(
  context: TableContext,
  snapshot: Snapshot,
  removals: readonly FileRemoval[],
  { parameters, metrics, txn, signal }: RemoveOptions,
): Promise<Committed> {
  assertWritable(snapshot, { removesRows: true });
  const now = context.now();
  const written: Written[] = [];
  try {
    for (const { file, where } of removals) {
      signal?.throwIfAborted();
      if (where) written.push(await rewrite(context, snapshot, file, where, now));
    }
    const actions: Action[] = [
      ...(txn ? [{ txn: { appId: txn.appId, version: txn.version, lastUpdated: now } }] : []),
      ...removals.map(({ file }) => removalOf(file, now, true)),
      ...written.flatMap(({ adds }) => adds.map((add) => ({ add }))),
    ];
    const committed = await context.commit(snapshot, {
      ...{ actions, parameters, metrics },
      depends: { rows: null, txn },
      operation: 'DELETE',
    });
    if (committed.outcome !== 'committed') await Promise.all(written.map(quietly));
    return committed;
  } catch (error) {
    if (!(error instanceof CommitOutcomeUnknown)) await Promise.all(written.map(quietly));
    throw error;
  }
}

async function rewrite(
  context: TableContext,
  snapshot: Snapshot,
  file: AddFile,
  where: (columns: readonly SourceColumn[]) => string,
  now: number,
): Promise<Written> {
  return context.rows.use(async (rows) => {
    const source = await rows.scan(context.log, snapshot, { files: [file] });
    const kept = `SELECT * FROM (${source}) WHERE NOT ${where(await rows.describe(source))}`;
    const target = targetOf(context, snapshot, snapshot.fields, now);
    return rows.write(context.log, kept, target, {
      ...{ dataChange: true, newId: context.newId },
      ...(snapshot.partitionColumns.length > 0 && { partition: file.partitionValues }),
    });
  });
}
