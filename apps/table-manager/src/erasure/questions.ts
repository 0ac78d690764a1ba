import { type Duck, holdingSql } from '@millrace/lakehouse';
import { type Mart, touchedPartitionsSql } from '@millrace/marts';
import type { TableAt } from '../tables/row-questions';

/** Partitions of marts that the rows of a table belong to which hold one of some texts; by mart, those without are absent. */
export async function martsHolding(
  duck: Pick<Duck, 'query'>,
  { table, snapshot }: TableAt,
  marts: readonly Mart[],
  files: Parameters<TableAt['table']['scanSql']>[1],
  texts: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const source = await table.scanSql(snapshot, files);
  const columns = (await duck.query(`DESCRIBE ${source}`)).map((row) => ({
    name: String(row.column_name),
    duckType: String(row.column_type),
  }));
  const rows = `(SELECT * FROM (${source}) WHERE ${holdingSql(columns, texts)})`;
  for (const mart of marts) {
    const values = await duck.query(touchedPartitionsSql(mart, rows));
    if (values.length > 0) found.set(mart.id, values.map((row) => String(row.partition_value)).sort());
  }
  return found;
}
