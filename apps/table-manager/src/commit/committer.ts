import { traceWork } from '@millrace/messaging';
import { currentTraceparent } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type Snapshot, TransactionContradiction } from '@millrace/lakehouse';
import { TOPICS, type TablesChanged } from '@millrace/topics';
import { assertOneLake, type CatalogWriter } from '../catalog/catalog-writer';
import { observedIn } from '../observation/observe';
import type { TablePool } from '../tables/table-pool';
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
    current(): { readonly index: number };
    /** Looks for newer ones. */
    reload(): Promise<void>;
  };
  readonly limits: CommitLimits;
  readonly newId: () => string;
  /** Called between any two durable steps. */
  readonly failpoint: Failpoint<'table-manager'>;
}

export interface CommitDone {
  readonly from: number;
  readonly to: number;
  readonly batches: number;
  readonly rows: number;
  readonly landedAt: readonly string[];
  /** What its events were checked against, as `name@version`; null among them where they had no contract. */
  readonly seen: readonly (string | null)[];
  /** Trace context of the commit. */
  readonly traceparent?: string;
}

/** Times a range is planned again because another committer was faster with another one. */
const RACES_MAX = 5;

/**
 * Applies landed batches to the Delta tables, in number order, many at once.
 *
 * The range (from, to] is stored first. Then each table that has rows in it gets one Delta commit whose `txn` names the
 * line and `to`; then the catalog file that names all versions; then, in one transaction, the cursor, the mart
 * partitions that the rows touch, and the message. A crash anywhere is made good by doing the stored range again: what
 * a table holds already it skips. Several committers may be at it: all take the stored range, each step has one winner.
 */
export class Committer {
  constructor(private readonly deps: CommitterDeps) {}

  /**
   * Commits the next range. Null when there is none, or another committer was faster.
   *
   * @throws LineContradiction when batches, database and tables cannot be of one history
   */
  async commitNext(): Promise<CommitDone | null> {
    const { store } = this.deps;
    for (let races = 0; ; races++) {
      const progress = await store.progress();
      if (!progress) return null;
      try {
        return await this.attempt(progress);
      } catch (error) {
        const outrun = error instanceof TransactionContradiction || error instanceof Overtaken;
        if (!outrun) throw error;
        // Whoever outran this committer has moved the cursor, or planned, before. Where nobody has, there is nobody.
        const now = await store.progress();
        const moved = now?.cursor !== progress.cursor || (progress.plannedTo === null && now.plannedTo !== null);
        if (!moved || races >= RACES_MAX) {
          const why = 'the database is older than the lake, see "A restored database" in docs/operations.md';
          throw new LineContradiction(`${error.message}: ${why}`, { cause: error });
        }
      }
    }
  }

  private async attempt(progress: Progress): Promise<CommitDone | null> {
    const { store, limits, catalog } = this.deps;
    const { lineId, cursor, plannedTo } = progress;
    assertOneLake(lineId, catalog.current);
    if (plannedTo !== null) return this.traced(await this.stored(progress, plannedTo));
    const plan = planCommit(lineId, cursor, await store.announced(progress, limits.batchesMax), limits);
    if (!plan) {
      // A catalog is written of planned batches only, and those of a plan are remembered before.
      const held = catalog.current?.number ?? 0;
      if (held > cursor) throw new Overtaken(`tables hold batches up to ${held}, and ${cursor} is the last one known`);
      return null;
    }
    if (!(await store.plan(progress, plan.to)))
      throw new Overtaken(`another range than (${cursor}, ${plan.to}] is planned`);
    await this.deps.failpoint('planned');
    return this.traced(plan);
  }

  /** Batches are remembered before they are planned: those of a stored range are there, or another has just applied them. */
  private async stored(progress: Progress, to: number): Promise<CommitPlan> {
    const { lineId, cursor } = progress;
    const announced = await this.deps.store.announced(progress, to - cursor);
    const plan = planCommit(lineId, cursor, announced, { batchesMax: to - cursor, rowsMax: Infinity });
    if (plan?.to !== to) throw new Overtaken(`of the range (${cursor}, ${to}] batches are missing`);
    return plan;
  }

  private traced(plan: CommitPlan): Promise<CommitDone | null> {
    const causes = plan.batches.map(({ traceparent }) => traceparent);
    const attributes = { 'messaging.batch.message_count': plan.batches.length, 'millrace.number': plan.to };
    return traceWork(
      () => ({ operation: 'commit', topic: TOPICS.batchesStaged.name, causes, attributes }),
      () => this.apply(plan),
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
      observed: observedIn(plan.batches),
      contractsIndex: plan.batches[plan.batches.length - 1].contractsIndex,
    });
    await failpoint('cursor-moved');
    if (!moved) return null;
    const rows = [...plan.tables.values()].flat().reduce((sum, file) => sum + file.rows, 0);
    const landedAt = plan.batches.map((batch) => batch.landedAt);
    const traceparent = currentTraceparent();
    const seen = [...new Set(plan.batches.flatMap(({ profiles = [] }) => profiles.map(({ contract }) => contract)))];
    return { from: plan.from, to: plan.to, batches: plan.batches.length, rows, landedAt, seen, traceparent };
  }

  /** All tables at once; when one fails the others are waited for, so that nothing goes on behind the next attempt. */
  private async commitAll(plan: CommitPlan): Promise<Map<string, Snapshot>> {
    const { tableCommitter, failpoint } = this.deps;
    const results = await Promise.allSettled(
      [...plan.tables].map(async ([id, files]): Promise<[string, Snapshot]> => {
        const snapshot = await tableCommitter.commit(plan, id, files);
        await failpoint('committed', id);
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
