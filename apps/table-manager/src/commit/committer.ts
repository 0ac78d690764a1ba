import { type Snapshot, TransactionContradiction } from '@millrace/lakehouse';
import { type StagedFile, TOPICS, type TablesChanged } from '@millrace/topics';
import { assertOneLake, type CatalogWriter } from '../catalog/catalog-writer';
import type { Failpoint } from '../run/failpoint';
import type { TablePool } from '../tables/table-pool';
import { commitTables } from '../tables/table-specs';
import type { CommitStore, Progress } from './commit-store';
import { type CommitLimits, type CommitPlan, LineContradiction, planCommit } from './plan';
import { Overtaken, type TableCommitter } from './table-committer';
import type { TouchedPartitions } from './touched-partitions';

export interface CommitterDeps {
  readonly store: CommitStore;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly tableCommitter: TableCommitter;
  readonly touched: TouchedPartitions;
  readonly contracts: {
    /** Index of the contracts in force, and the tables that they have. */
    current(): Parameters<typeof commitTables>[0];
    /** Looks for newer ones. */
    reload(): Promise<void>;
  };
  readonly limits: CommitLimits;
  readonly newId: () => string;
  /** Called between any two durable steps. */
  readonly failpoint: Failpoint;
}

export interface CommitDone {
  readonly from: number;
  readonly to: number;
  readonly batches: number;
  readonly rows: number;
  readonly landedAt: readonly string[];
}

/** Times a range is planned again because another committer was faster with another one. */
const RACES_MAX = 5;

/**
 * Applies landed batches to the Delta tables, in number order, many at once.
 *
 * For (from, to]: each table that has rows in the range gets one Delta commit whose `txn` names the line and `to`; then
 * the catalog file that names all versions; then, in one transaction, the cursor, the mart partitions that the rows
 * touch, and the message. A crash anywhere is made good by doing it again: what a table holds already it skips, and
 * the range is the same, for the tables themselves say how far it went. Several committers may be at it: each step has
 * one winner, and a loser plans again.
 */
export class Committer {
  /** Set after a start and after a failure: then the tables are asked how far an earlier attempt went. */
  private unsure = true;

  constructor(private readonly deps: CommitterDeps) {}

  /**
   * Commits the next range. Null when there is none.
   *
   * @throws LineContradiction when batches, database and tables cannot be of one history
   */
  async commitNext(): Promise<CommitDone | null> {
    for (let races = 0; ; races++) {
      try {
        return await this.attempt();
      } catch (error) {
        this.unsure = true;
        const raced = error instanceof TransactionContradiction || error instanceof Overtaken;
        if (!raced) throw error;
        if (races >= RACES_MAX) throw new LineContradiction(error.message, { cause: error });
      }
    }
  }

  private async attempt(): Promise<CommitDone | null> {
    const { store, limits } = this.deps;
    const progress = await store.progress();
    if (!progress) return null;
    const { lineId, cursor } = progress;
    assertOneLake(lineId, this.deps.catalog.current);
    let announced = await store.announced(progress, limits.batchesMax);
    if (announced.length === 0 && !this.unsure) return null;
    const begun = this.unsure
      ? await this.begunTo(
          lineId,
          announced.flatMap((batch) => batch.files),
        )
      : 0;
    let plan: CommitPlan | null;
    if (begun > cursor) {
      announced = await store.announced(progress, begun - cursor);
      plan = planCommit(lineId, cursor, announced, { batchesMax: begun - cursor, rowsMax: Infinity });
      if (plan?.to !== begun) return this.missing(progress, begun, plan?.to ?? cursor);
    } else {
      this.unsure = false;
      plan = planCommit(lineId, cursor, announced, limits);
    }
    if (!plan) return null;
    const done = await this.apply(plan);
    this.unsure = done === null;
    return done;
  }

  /** The number up to which some table was committed, though the cursor may not know. */
  private async begunTo(lineId: string, files: readonly StagedFile[]): Promise<number> {
    const { tables, catalog, contracts } = this.deps;
    const ids = new Set([
      ...commitTables(contracts.current()),
      ...Object.keys(catalog.current?.tables ?? {}),
      ...files.filter((file) => file.kind === 'clean').map((file) => file.table),
    ]);
    let begun = 0;
    for (const id of ids) {
      const table = await tables.find(id);
      if (table) begun = Math.max(begun, (await table.refresh()).transactionVersion(lineId) ?? 0);
    }
    return begun;
  }

  /** Batches are remembered before they are committed: those that tables hold are there, or another has just applied them. */
  private async missing({ cursor }: Progress, begun: number, planned: number): Promise<null> {
    const now = await this.deps.store.progress();
    if (now && now.cursor > cursor) throw new Overtaken(`the cursor moved from ${cursor} to ${now.cursor}`);
    throw new LineContradiction(
      `tables hold batches up to ${begun}, but only those up to ${planned} are known: the database is older than the lake`,
    );
  }

  private async apply(plan: CommitPlan): Promise<CommitDone | null> {
    const { store, catalog, tables, touched, failpoint, contracts } = this.deps;
    if (plan.batches.some((batch) => batch.contractsIndex > contracts.current().index)) await contracts.reload();
    const touching = touched.of(plan);
    touching.catch(() => undefined);
    const committed = await this.commitAll(plan);
    const touches = await touching;
    const versions = new Map(committed);
    // What was compacted meanwhile is named along with it.
    if (catalog.current)
      for (const [id, snapshot] of await tables.rearranged(catalog.current)) versions.set(id, snapshot);
    const published = await catalog.publish({ lineId: plan.lineId, number: plan.to, tables: versionsOf(versions) });
    for (const [id, snapshot] of versions) tables.publish(id, snapshot);
    await failpoint('catalog-written');
    const message: TablesChanged = {
      lineId: plan.lineId,
      number: plan.to,
      from: plan.from + 1,
      catalogVersion: published.version,
      tables: versionsOf(committed),
      at: published.at,
    };
    const moved = await store.advance({
      lineId: plan.lineId,
      cursor: plan.from,
      to: plan.to,
      touched: touches,
      message: { id: this.deps.newId(), topic: TOPICS.tablesChanged.name, body: message },
    });
    await failpoint('cursor-moved');
    if (!moved) return null;
    const rows = [...plan.tables.values()].flat().reduce((sum, file) => sum + file.rows, 0);
    const landedAt = plan.batches.map((batch) => batch.landedAt);
    return { from: plan.from, to: plan.to, batches: plan.batches.length, rows, landedAt };
  }

  /** All tables at once; when one fails the others are waited for, so that nothing goes on behind the next attempt. */
  private async commitAll(plan: CommitPlan): Promise<Map<string, Snapshot>> {
    const { tableCommitter, failpoint } = this.deps;
    const results = await Promise.allSettled(
      [...plan.tables].map(async ([id, files]): Promise<[string, Snapshot]> => {
        const snapshot = await tableCommitter.commit(plan, id, files);
        await failpoint(`committed:${id}`);
        return [id, snapshot];
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return new Map(results.map((result) => (result as PromiseFulfilledResult<[string, Snapshot]>).value));
  }
}

const versionsOf = (snapshots: ReadonlyMap<string, Snapshot>): Record<string, number> =>
  Object.fromEntries([...snapshots].map(([id, snapshot]) => [id, snapshot.version]));
