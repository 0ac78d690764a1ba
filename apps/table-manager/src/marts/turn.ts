import { type AddFile, recordsOf } from '@millrace/lakehouse';
import type { MartDefinition } from '@millrace/marts';
import type { Staleness } from '../commit/commit-store';
import type { TableAt } from '../tables/row-questions';

/** What of a mart is rebuilt in one round. */
export interface Turn {
  readonly partitions: readonly string[];
  /** Once these are rebuilt the mart holds everything up to this number. */
  readonly upTo: number;
}

/**
 * The stale partitions that have waited longest, as many as have at most `rowsMax` source rows together, and at least
 * one: so that a round ends soon and its memory is bounded, however much has become stale. By the files' statistics;
 * where these do not tell partitions apart, all rows count for the first.
 */
export function nextTurn(
  mart: MartDefinition,
  { stale, upTo }: Staleness,
  sources: Iterable<TableAt>,
  rowsMax: number,
): Turn {
  const wanted = { [mart.partitionExpression]: { values: stale.map(({ partition }) => partition) } };
  const tables = [...sources].map(({ table, snapshot }) => ({ table, snapshot, files: table.prune(snapshot, wanted) }));
  const counted = new Set<AddFile>();
  let rows = 0;
  for (const [place, { partition, staleFrom }] of stale.entries()) {
    for (const { table, snapshot, files } of tables) {
      for (const file of table.prune(snapshot, { [mart.partitionExpression]: { values: [partition] } }, files)) {
        if (counted.has(file)) continue;
        counted.add(file);
        rows += recordsOf(file) ?? 0;
      }
    }
    if (rows <= rowsMax || place === 0) continue;
    return { partitions: stale.slice(0, place).map((each) => each.partition), upTo: Math.min(upTo, staleFrom - 1) };
  }
  return { partitions: stale.map(({ partition }) => partition), upTo };
}
