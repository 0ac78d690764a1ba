import type { Failpoint } from '@millrace/observability/failpoints';
import type { Mart } from '@millrace/marts';
import { traceWork } from '@millrace/messaging';
import { type Catalog, TOPICS, type TablesChanged } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore, Staleness } from '../commit/commit-store';
import type { JudgedSummary } from '../quality/failures';
import type { QualityJudge } from '../quality/quality-judge';
import { causeOf, isLakeUnwritable } from '../run/cause';
import type { RowQuestions } from '../tables/row-questions';
import type { TablePool } from '../tables/table-pool';
import { type Built, rebuildMart, type Target } from './rebuild-mart';
import type { Setback, Setbacks } from './setbacks';

export interface RebuildDeps {
  readonly store: Pick<CommitStore, 'stale' | 'built' | 'frozenAmong'>;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly marts: readonly Mart[];
  readonly questions: Pick<RowQuestions, 'mart'>;
  readonly judge: Pick<QualityJudge, 'judge'>;
  /** Keeps what was found wrong with the quality of days, before these count as built. */
  readonly onJudged?: (judged: JudgedSummary) => Promise<unknown>;
  /** Partitions of a mart rebuilt at once. */
  readonly partitionsMax: number;
  /** Source rows that they may have together, unless a single partition has more. */
  readonly rowsMax: number;
  /** What failed lately waits; nothing else waits with it. */
  readonly setbacks: Setbacks;
  readonly onFailed: (setback: Setback) => void;
  readonly newId: () => string;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Trace contexts of the commits since the last rebuild. */
  readonly causes?: readonly string[];
}

export interface Rebuilt {
  readonly number: number;
  readonly partitions: number;
}

/**
 * Rebuilds the stale mart partitions from a snapshot of their sources at one number, and publishes all marts with one
 * catalog file. Null when nothing was rebuilt. What of a mart cannot be built is noted as a setback and waits by itself;
 * only what concerns everybody, such as a full disk, is thrown, after the others are published.
 *
 * The order of the reads is what keeps old rows from being laid over new ones: the marts' own versions first, then what
 * is stale, then the catalog in storage. Whoever rebuilt a partition from a later state has either done so before the
 * first read, then that state is in the catalog read last; or after it, then the replacement conflicts and is given up.
 * What is frozen is read after the catalog: a partition is frozen before any catalog lacks rows of it, so whatever is not
 * frozen by then has all of its rows in that catalog.
 */
export async function rebuildMarts(deps: RebuildDeps): Promise<Rebuilt | null> {
  const targets = await openTargets(deps);
  const ids = targets.map(({ mart }) => mart.id);
  const waiting = Math.max(0, ...ids.map((id) => deps.setbacks.count(id)));
  const stale = await deps.store.stale(ids, deps.partitionsMax + waiting);
  if (![...stale.marts.values()].some((mart) => mart.stale.length > 0)) return null;
  return traceWork(
    () => ({ operation: 'rebuild', topic: TOPICS.tablesChanged.name, causes: deps.causes ?? [] }),
    () => rebuildStale(deps, targets, stale),
  );
}

async function rebuildStale(
  deps: RebuildDeps,
  targets: readonly Target[],
  stale: Awaited<ReturnType<CommitStore['stale']>>,
): Promise<Rebuilt | null> {
  const catalog = await deps.catalog.refresh();
  // The catalog is written before the cursor moves and partitions are touched: it covers every touch that was read.
  if (!catalog || catalog.number < stale.cursor) {
    throw new Error(`batches up to ${stale.cursor} are committed, the catalog ends at ${catalog?.number ?? 0}`);
  }

  const behind = await withoutFrozen(deps, stale.marts);
  const results = await Promise.allSettled(
    targets.map(async (target): Promise<Built> => {
      const { id } = target.mart;
      const built = await rebuildMart(deps, target, behind.get(id) ?? { stale: [], upTo: 0 }, catalog);
      await deps.failpoint('built', id);
      return built;
    }),
  );
  const built = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const rebuilt = built.filter(({ partitions }) => partitions.length > 0);
  if (rebuilt.length > 0) await publish(deps, catalog, stale.cursor, built);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const partitions = rebuilt.reduce((sum, mart) => sum + mart.partitions.length, 0);
  return partitions === 0 ? null : { number: catalog.number, partitions };
}

async function withoutFrozen(
  { store }: RebuildDeps,
  marts: ReadonlyMap<string, Staleness>,
): Promise<ReadonlyMap<string, Staleness>> {
  const stale = [...marts].flatMap(([mart, each]) => each.stale.map(({ partition }) => ({ mart, partition })));
  const frozen = new Set((await store.frozenAmong(stale)).map(({ mart, partition }) => `${mart}/${partition}`));
  if (frozen.size === 0) return marts;
  const left = (mart: string, each: Staleness): Staleness => ({
    ...each,
    stale: each.stale.filter(({ partition }) => !frozen.has(`${mart}/${partition}`)),
  });
  return new Map([...marts].map(([mart, each]) => [mart, left(mart, each)]));
}

/** Of those that need not wait. A mart whose table cannot be opened is a setback of its own. */
async function openTargets({ tables, marts, setbacks, onFailed }: RebuildDeps): Promise<Target[]> {
  const wanted = marts.filter(({ id }) => !setbacks.isWaiting(id, null));
  const opened = await Promise.all(
    wanted.map(async (mart): Promise<Target | null> => {
      try {
        const { table } = await tables.ensure(mart.id);
        return { mart, before: await table.refresh() };
      } catch (error) {
        if (isLakeUnwritable(error)) throw error;
        onFailed(setbacks.failed(mart.id, null, causeOf(error)));
        return null;
      }
    }),
  );
  return opened.filter((target) => target !== null);
}

async function publish(
  deps: RebuildDeps,
  { lineId, number }: Catalog,
  cursor: number,
  built: readonly Built[],
): Promise<void> {
  const rebuilt = built.filter(({ partitions }) => partitions.length > 0);
  const tables = Object.fromEntries(rebuilt.map(({ id, snapshot }) => [id, snapshot.version]));
  const builtTo = Object.fromEntries(built.map(({ id, upTo }) => [id, upTo]));
  const published = await deps.catalog.publish({ lineId, number, tables, builtTo });
  for (const { id, snapshot } of rebuilt) deps.tables.publish(id, snapshot);
  await deps.failpoint('marts-catalog-written');
  const message: TablesChanged = {
    lineId,
    number: cursor,
    from: cursor + 1,
    catalogVersion: published.version,
    tables,
    rebuilt: Object.fromEntries(
      rebuilt.map(({ id, partitions }) => [id, Object.fromEntries(partitions.map((p) => [p, number]))]),
    ),
    at: published.at,
  };
  const partitions = rebuilt.flatMap(({ id, partitions: some, asked, unsettled }) =>
    some
      .filter((partition) => !unsettled.has(partition))
      .map((partition) => ({ mart: id, partition, asked: asked.get(partition) ?? 0 })),
  );
  for (const judged of rebuilt.flatMap((mart) => mart.judged)) await deps.onJudged?.(judged);
  await deps.store.built(partitions, number, { id: deps.newId(), topic: TOPICS.tablesChanged.name, body: message });
  await deps.failpoint('marts-recorded');
}
