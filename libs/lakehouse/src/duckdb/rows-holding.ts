import type { Duck, DuckConnection } from './duck';
import { quoteIdentifier, quoteList, quoteLiteral } from './quoting';

/** Files looked through in one question. */
const FILES_AT_ONCE = 64;
/** The column of a row's file; no table has one of this name. */
const FILE_COLUMN = '__millrace_file';

/** A condition that is true of rows with one of the texts in a column that holds text, at any depth; never null. */
export function holdingSql(
  columns: readonly { readonly name: string; readonly duckType: string }[],
  texts: readonly string[],
): string {
  const conditions = columns
    .filter(({ duckType }) => /VARCHAR|JSON/i.test(duckType))
    .flatMap(({ name, duckType }) => {
      const column = quoteIdentifier(name);
      const text = duckType.toUpperCase() === 'VARCHAR' ? column : `CAST(${column} AS VARCHAR)`;
      return texts.map((wanted) => `contains(${text}, ${quoteLiteral(wanted)})`);
    });
  return conditions.length === 0 ? 'false' : `coalesce(${conditions.join(' OR ')}, false)`;
}

/**
 * How many rows of each of these local Parquet files hold one of the texts; files without any are absent. Reads all text
 * of all files: some 100 MB a second of it and thread.
 */
export async function rowsHolding(
  duck: Pick<Duck | DuckConnection, 'query'>,
  files: readonly string[],
  texts: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let i = 0; i < files.length; i += FILES_AT_ONCE) {
    const some = quoteList(files.slice(i, i + FILES_AT_ONCE));
    const relation = `read_parquet(${some}, union_by_name = true, hive_partitioning = false, filename = '${FILE_COLUMN}')`;
    const columns = (await duck.query(`DESCRIBE SELECT * EXCLUDE (${FILE_COLUMN}) FROM ${relation}`)).map((row) => ({
      name: String(row.column_name),
      duckType: String(row.column_type),
    }));
    const rows = await duck.query(
      `SELECT ${FILE_COLUMN} AS file, count(*) AS n FROM ${relation} WHERE ${holdingSql(columns, texts)} GROUP BY 1`,
    );
    for (const { file, n } of rows) found.set(String(file), Number(n));
  }
  return found;
}
