import { type AddFile, recordsOf } from '@millrace/lakehouse';
import type { Mart } from '@millrace/marts';
import type { StalePartition } from '../commit/commit-store';
import type { TableAt } from '../tables/row-questions';

/**
 * The stale partitions that have waited longest, as many as have at most `rowsMax` source rows together, and at least
 * one: so that a round ends soon and its memory is bounded, however much has become stale. By the files' statistics;
 * where these do not tell partitions apart, all rows count for the first.
 */
export function nextTurn(
  mart: Pick<Mart, 'partitionExpression'>,
  stale: readonly StalePartition[],
  sources: Iterable<TableAt>,
  rowsMax: number,
): readonly string[] {
  const wanted = { [mart.partitionExpression]: { values: stale.map(({ partition }) => partition) } };
  const tables = [...sources].map(({ table, snapshot }) => ({ table, snapshot, files: table.prune(snapshot, wanted) }));
  const counted = new Set<AddFile>();
  let rows = 0;
  for (const [place, { partition }] of stale.entries()) {
    for (const { table, snapshot, files } of tables) {
      for (const file of table.prune(snapshot, { [mart.partitionExpression]: { values: [partition] } }, files)) {
        if (counted.has(file)) continue;
        counted.add(file);
        rows += recordsOf(file) ?? 0;
      }
    }
    if (rows > rowsMax && place > 0) return stale.slice(0, place).map((each) => each.partition);
  }
  return stale.map(({ partition }) => partition);
}
