import { type Duck, quoteList } from '@millrace/lakehouse';
import { MARTS, martSql } from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import type { BatchStaged, Catalog } from '@millrace/topics';
import { prepareDuck } from '../tables/duck-questions';
import type { Rig } from './rig';
import { SHIPMENT_EVENTS } from './staged-line';

/** Rows by which the marts of a catalog differ from what their SQL makes of the staged rows of all batches. */
export async function martDifferences(
  { lake, query }: { lake: { duck: Duck; storage: Storage }; query: Rig['query'] },
  batches: readonly BatchStaged[],
  catalog?: Catalog | null,
): Promise<Record<string, number>> {
  await prepareDuck(lake.duck);
  const staged = batches.flatMap(({ files }) => files.filter((file) => file.table === SHIPMENT_EVENTS));
  const local = await Promise.all(staged.map(({ path }) => lake.storage.localPath(path)));
  const source = `(SELECT * FROM read_parquet(${quoteList(local)}, union_by_name = true, hive_partitioning = false))`;
  const differences: Record<string, number> = {};
  for (const mart of MARTS) {
    const columns = mart.columns.map(({ name }) => name).join(', ');
    const wanted = `SELECT ${columns} FROM (${martSql(mart, { sources: { [SHIPMENT_EVENTS]: source } })})`;
    const [found] = await query(
      (relation) =>
        `WITH wanted AS MATERIALIZED (${wanted}), found AS MATERIALIZED (SELECT ${columns} FROM ${relation})
         SELECT (SELECT count(*) FROM (FROM wanted EXCEPT ALL FROM found)) + (SELECT count(*) FROM (FROM found EXCEPT ALL FROM wanted)) AS n,
                (SELECT count(*) FROM wanted) AS wanted`,
      mart.id,
      catalog,
    );
    // A mart that does not exist yet lacks everything.
    differences[mart.id] = found ? Number(found.n) : staged.length;
    if (found && Number(found.wanted) === 0) throw new Error(`${mart.id}: there is nothing to compare`);
  }
  return differences;
}
