import type { Duck } from '@millrace/lakehouse';
import { TransactionContradiction } from '@millrace/lakehouse';
import { MARTS, touchedPartitionsSql } from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import { type StagedFile, TOPICS, type TablesChanged } from '@millrace/topics';
import type { TablePool } from '../tables/table-pool';
import type { CatalogWriter } from './catalog-writer';
import type { CommitStore } from './commit-store';
import { type CommitLimits, type CommitPlan, LineContradiction, planCommit } from './plan';

export interface CommitterDeps {
  readonly store: CommitStore;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly storage: Storage;
  readonly duck: Duck;
  readonly limits: CommitLimits;
  readonly now: () => number;
  readonly newId: () => string;
  /** Called between any two durable steps; tests crash there. */
  readonly failpoint: (name: string) => Promise<void>;
}

export interface CommitDone {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly landedAt: readonly string[];
}

/**
 * Applies landed batches to the Delta tables, in number order, many at once.
 *
 * For (from, to]: each table that has rows in the range gets one Delta commit whose `txn` names the line and `to`; then
 * the catalog file that names all versions; then, in one transaction, the cursor, the mart partitions that the rows
 * touch, and the message. A crash anywhere is made good by doing it again: what a table holds already it skips, and
 * the range is the same, for the tables themselves say how far it went.
 */
export class Committer {
  /** Set after a start and after a failure: then the tables are asked how far an earlier attempt went. */
  private unsure = true;
  private contradictions = 0;

  constructor(private readonly deps: CommitterDeps) {}

  /** Commits the next range. Null when there is none. */
  async commitNext(): Promise<CommitDone | null> {
    try {
      const done = await this.attempt();
      this.contradictions = 0;
      return done;
    } catch (error) {
      this.unsure = true;
      // Another committer may have been faster with another range; planning again sees it. Twice is no race.
      if (error instanceof TransactionContradiction && this.contradictions++ === 0) return this.commitNext();
      if (error instanceof TransactionContradiction) throw new LineContradiction(error.message);
      throw error;
    }
  }

  private async attempt(): Promise<CommitDone | null> {
    const { store, limits } = this.deps;
    const lineId = await store.line();
    if (lineId === null) return null;
    const cursor = await store.cursor(lineId);
    const announced = await store.announced(lineId, cursor, limits.batchesMax);
    const begun = this.unsure ? await this.begunTo(lineId, announced.flatMap((batch) => batch.files)) : 0;
    const plan =
      begun > cursor
        ? planCommit(lineId, cursor, announced, { batchesMax: begun - cursor, rowsMax: Infinity })
        : planCommit(lineId, cursor, announced, limits);
    if (!plan) return null;
    if (begun > cursor && plan.to < begun) return null; // the rest of the range is announced again soon
    this.unsure = false;
    return this.apply(plan);
  }

  /** The number up to which some table was committed, though the cursor may not know. */
  private async begunTo(lineId: string, files: readonly StagedFile[]): Promise<number> {
    let begun = 0;
    for (const id of new Set(files.filter((file) => file.kind === 'clean').map((file) => file.table))) {
      const table = await this.deps.tables.find(id);
      if (table) begun = Math.max(begun, (await table.refresh()).transactionVersion(lineId) ?? 0);
    }
    return begun;
  }

  private async apply(plan: CommitPlan): Promise<CommitDone | null> {
    const { store, catalog, failpoint } = this.deps;
    const touched = await this.touched(plan);
    const tables: Record<string, number> = {};
    let rows = 0;
    for (const [id, files] of plan.tables) {
      tables[id] = await this.commitTable(plan, id, files);
      rows += files.reduce((sum, file) => sum + file.rows, 0);
      await failpoint(`committed:${id}`);
    }
    const published = await catalog.publish({ lineId: plan.lineId, number: plan.to, tables });
    await failpoint('catalog-written');
    const message: TablesChanged = {
      lineId: plan.lineId,
      number: plan.to,
      from: plan.from + 1,
      catalogVersion: published.version,
      tables,
      at: published.at,
    };
    const moved = await store.advance({
      lineId: plan.lineId,
      from: plan.from,
      to: plan.to,
      touched,
      message: { id: this.deps.newId(), topic: TOPICS.tablesChanged.name, body: message },
    });
    await failpoint('cursor-moved');
    if (!moved) {
      this.unsure = true;
      return null;
    }
    return { from: plan.from, to: plan.to, rows, landedAt: plan.batches.map((batch) => batch.landedAt) };
  }

  private async commitTable(plan: CommitPlan, id: string, files: readonly StagedFile[]): Promise<number> {
    const { table, spec } = await this.deps.tables.ensure(id);
    const local = await this.localPaths(files);
    const result = await table.appendFiles({
      files: local,
      set: {
        _loaded_at: `TIMESTAMPTZ '${new Date(this.deps.now()).toISOString()}'`,
        ...(spec.partitionExpression && { [spec.partitionColumn]: spec.partitionExpression }),
      },
      txn: { appId: plan.lineId, version: plan.to, expected: plan.from },
    });
    return result.version;
  }

  /** Partitions of each mart that the range's rows belong to. */
  private async touched(plan: CommitPlan): Promise<Map<string, Set<string>>> {
    const touched = new Map<string, Set<string>>();
    for (const mart of MARTS) {
      for (const source of mart.sources) {
        const files = plan.tables.get(source);
        if (!files) continue;
        const list = (await this.localPaths(files)).map((path) => `'${path.replaceAll("'", "''")}'`).join(', ');
        const relation = `read_parquet([${list}], union_by_name = true, hive_partitioning = false)`;
        const rows = await this.deps.duck.query(touchedPartitionsSql(mart, relation));
        const partitions = touched.get(mart.id) ?? new Set<string>();
        for (const row of rows) partitions.add(String(row.partition_value));
        touched.set(mart.id, partitions);
      }
    }
    return touched;
  }

  private localPaths(files: readonly StagedFile[]): Promise<string[]> {
    return Promise.all(files.map((file) => this.deps.storage.localPath(file.path)));
  }
}
