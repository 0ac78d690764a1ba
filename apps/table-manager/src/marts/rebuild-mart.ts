import { ConcurrentModification, type Snapshot } from '@millrace/lakehouse';
import { DuckError } from '@millrace/lakehouse/duckdb';
import { dimensionTableOf, isQualityMart, type Mart, type MartDefinition, referenceOf } from '@millrace/marts';
import type { Catalog } from '@millrace/topics';
import type { Staleness } from '../commit/commit-store';
import type { JudgedSummary } from '../quality/failures';
import { causeOf, isLakeUnwritable } from '../run/cause';
import type { TableAt } from '../tables/row-questions';
import type { RebuildDeps } from './rebuild';
import { nextTurn } from './turn';

/** A mart as it was before the state that it is rebuilt from was read: what was written to it since is newer. */
export interface Target {
  readonly mart: Mart;
  readonly before: Snapshot;
}

/** A mart with its partitions rebuilt, not yet published. */
export interface Built {
  readonly id: string;
  readonly snapshot: Snapshot;
  readonly partitions: readonly string[];
  /** Of each, how often it was asked for when it was found stale. */
  readonly asked: ReadonlyMap<string, number>;
  /** Those among them that are not done with, and stay stale. */
  readonly unsettled: ReadonlySet<string>;
  /** What was found wrong, where it is about quality. */
  readonly judged: readonly JudgedSummary[];
  /** The mart holds everything up to this number now. */
  readonly upTo: number;
}

/** Attempts at one mart in a round: what they leave undone stays stale, and has its turn in the next one. */
const ATTEMPTS_MAX = 32;
/** Partitions that failed before and are tried again in a round, each for itself. */
const AGAIN_MAX = 4;

/**
 * Rebuilds stale partitions of one mart: those in turn together; where that fails in halves, until what cannot be built
 * is alone. That waits, and nothing else. A partition that another process rebuilds at the same time stays stale until
 * one of the two is done.
 *
 * @throws what is not this mart's failure: nothing can be written to the lake
 */
export async function rebuildMart(deps: RebuildDeps, target: Target, behind: Staleness, at: Catalog): Promise<Built> {
  const { id } = target.mart;
  const written = new Set<string>();
  const unsettled = new Set<string>();
  const judged: JudgedSummary[] = [];
  let { before: snapshot } = target;
  try {
    // Of a mart that nothing is asked of, sources need not be there.
    const sources = behind.stale.length === 0 ? new Map<string, TableAt>() : await sourcesOf(deps, target.mart, at);
    const groups = groupsOf(deps, target.mart, sources, behind);
    for (let attempts = 0; groups.length > 0 && attempts < ATTEMPTS_MAX; attempts++) {
      const partitions = groups.shift() as readonly string[];
      try {
        const replaced = await replace(deps, target, sources, partitions);
        if (!replaced) continue;
        ({ snapshot } = replaced);
        if (replaced.judged) judged.push(replaced.judged);
        for (const partition of partitions) {
          written.add(partition);
          const why = replaced.unsettled.get(partition);
          if (why === undefined) deps.setbacks.mended(id, partition);
          else {
            unsettled.add(partition);
            deps.onFailed(deps.setbacks.failed(id, partition, why));
          }
        }
      } catch (error) {
        if (isLakeUnwritable(error)) throw error;
        // What is wrong with the question itself is wrong with each partition.
        if (error instanceof DuckError && error.code === 'DUCK_STATEMENT') throw error;
        if (partitions.length === 1) deps.onFailed(deps.setbacks.failed(id, partitions[0], causeOf(error)));
        else groups.unshift(...halves(partitions));
      }
    }
    if (written.size > 0) deps.setbacks.mended(id, null);
  } catch (error) {
    if (isLakeUnwritable(error)) throw error;
    deps.onFailed(deps.setbacks.failed(id, null, causeOf(error)));
  }
  const left = behind.stale.filter(({ partition }) => !written.has(partition) || unsettled.has(partition));
  const upTo = Math.min(behind.upTo, ...left.map(({ staleFrom }) => staleFrom - 1));
  const asked = new Map(behind.stale.map((each) => [each.partition, each.asked]));
  return { id, snapshot, partitions: [...written], asked, unsettled, judged, upTo };
}

/**
 * What a mart reads, as one catalog has it. Results of quality are of what is there; of another mart all sources must be,
 * and a dimension that was never loaded has no keys.
 */
async function sourcesOf({ tables }: RebuildDeps, mart: Mart, catalog: Catalog): Promise<Map<string, TableAt>> {
  const found = new Map<string, TableAt>();
  const isQuality = isQualityMart(mart);
  const rules = isQuality ? mart.datasets.flatMap(({ quality }) => quality) : [];
  const referenced = rules.flatMap((rule) => referenceOf(rule)?.table ?? dimensionTableOf(rule) ?? []);
  const others = [...mart.dimensions.map(({ table }) => table), ...referenced, ...(isQuality ? [mart.id] : [])];
  for (const id of new Set([...mart.sources, ...others])) {
    const entry = catalog.tables[id];
    const at = entry && (await tables.at(id, entry.version));
    if (at) found.set(id, at);
    else if (!isQuality && mart.sources.includes(id))
      throw new Error(`${mart.id} is stale, but its source ${id} is in no catalog`);
  }
  return found;
}

function groupsOf(
  { setbacks, rowsMax }: RebuildDeps,
  mart: Mart,
  tables: ReadonlyMap<string, TableAt>,
  { stale }: Staleness,
): (readonly string[])[] {
  const fresh = stale.filter(({ partition }) => !setbacks.has(mart.id, partition));
  const again = stale.filter(
    ({ partition }) => setbacks.has(mart.id, partition) && !setbacks.isWaiting(mart.id, partition),
  );
  const sources = mart.sources.flatMap((id) => tables.get(id) ?? []);
  const turn = fresh.length > 0 ? [nextTurn(mart, fresh, sources, rowsMax)] : [];
  return [...turn, ...again.slice(0, AGAIN_MAX).map(({ partition }) => [partition])];
}

function halves(partitions: readonly string[]): (readonly string[])[] {
  const middle = Math.ceil(partitions.length / 2);
  return [partitions.slice(0, middle), partitions.slice(middle)];
}

interface Replaced {
  readonly snapshot: Snapshot;
  /** Partitions that are to be built again all the same, and why. */
  readonly unsettled: ReadonlyMap<string, string>;
  readonly judged: JudgedSummary | null;
}

const SETTLED: ReadonlyMap<string, string> = new Map();

/** Null when another process is rebuilding the same partitions. */
async function replace(
  { tables, questions, judge }: RebuildDeps,
  { mart, before }: Target,
  sources: ReadonlyMap<string, TableAt>,
  partitions: readonly string[],
): Promise<Replaced | null> {
  const { table } = await tables.ensure(mart.id);
  const judged = isQualityMart(mart) ? await judge.judge(mart, partitions, sources) : null;
  try {
    const rows = judged ? judged.source : await questions.mart(mart as MartDefinition, partitions, sources);
    await table.replacePartitions(mart.partitionColumn, partitions, rows, { basedOn: before, compression: 'snappy' });
    const { snapshot } = table;
    return { snapshot, unsettled: judged?.unsettled ?? SETTLED, judged: judged ? await judged.summary() : null };
  } catch (error) {
    if (error instanceof ConcurrentModification) return null;
    throw error;
  } finally {
    await judged?.close();
  }
}
