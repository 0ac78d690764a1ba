import type { DeltaTable, Snapshot } from '@millrace/lakehouse';
import type { Storage } from '@millrace/storage';
import type { StagedFile } from '@millrace/topics';
import type { RowQuestions } from '../tables/row-questions';
import type { TablePool } from '../tables/table-pool';
import { type CommitPlan, LineContradiction } from './plan';

export interface TableCommitterDeps {
  readonly tables: TablePool;
  readonly storage: Storage;
  readonly questions: Pick<RowQuestions, 'rowsByBatch'>;
  readonly now: () => number;
}

/** Another committer is further than this one's plan; it has committed, or will commit, what was planned here. */
export class Overtaken extends Error {}

/** Applies a range of batches to one table. */
export class TableCommitter {
  constructor(private readonly deps: TableCommitterDeps) {}

  /**
   * Appends the staged rows of (from, to] in one commit, or finds that they are there already. Returns a version of the
   * table that holds the batches up to `to` and none after.
   *
   * @throws Overtaken, TransactionContradiction: plan again; LineContradiction when the table says that it has the
   * range, and has other rows
   */
  async commit(plan: CommitPlan, id: string, files: readonly StagedFile[]): Promise<Snapshot> {
    const { tables, storage, now } = this.deps;
    const { table, spec } = await tables.ensure(id, files);
    const partition = spec.partitionExpression;
    const { outcome } = await table.appendFiles({
      files: await Promise.all(files.map((file) => storage.localPath(file.path))),
      set: {
        _loaded_at: `TIMESTAMPTZ '${new Date(now()).toISOString()}'`,
        ...(partition && { [spec.partitionColumn]: partition }),
      },
      compression: 'snappy',
      txn: { appId: plan.lineId, version: plan.to, expected: plan.from },
    });
    // The newest version known: beside this commit it may hold rearrangements, and commits of others.
    const { snapshot } = table;
    if (snapshot.transactionVersion(plan.lineId) !== plan.to)
      throw new Overtaken(`${id} holds batches beyond ${plan.to}`);
    if (outcome === 'skipped') await this.verify(plan, id, table, snapshot);
    return snapshot;
  }

  /**
   * The table's own word for it that it has the range is not enough to leave rows out: a database restored from a backup
   * gives out numbers again. So its rows are counted.
   */
  private async verify(plan: CommitPlan, id: string, table: DeltaTable, snapshot: Snapshot): Promise<void> {
    const wanted = new Map<number, number>();
    for (const batch of plan.batches) {
      const rows = batch.files.reduce(
        (sum, file) => (file.table === id && file.kind === 'clean' ? sum + file.rows : sum),
        0,
      );
      if (rows > 0) wanted.set(batch.batchId, rows);
    }
    const held = await this.deps.questions.rowsByBatch({ table, snapshot }, [...wanted.keys()]);
    for (const [batchId, rows] of wanted) {
      if (held.get(batchId) === rows) continue;
      throw new LineContradiction(
        `${id} says that it holds batches up to ${plan.to}, and has ${held.get(batchId) ?? 0} of the ${rows} rows of batch ${batchId}`,
      );
    }
  }
}
