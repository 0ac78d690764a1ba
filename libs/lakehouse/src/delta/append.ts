import { type DuckConnection, quoteIdentifier, quoteList } from '../duckdb';
import type { Snapshot } from './snapshot';
import type { TableContext } from './table-context';
import { type WriteIntent, type WriteOptions, type WriteResult, writeRows } from './write';

export interface AppendFilesOptions extends WriteOptions {
  /** Local Parquet files; their columns may differ, missing ones are null. */
  readonly files: readonly string[];
  /** A SELECT over the files' rows, which it finds as `staged`. Default all of them. */
  readonly sql?: string;
  /** Columns computed from a staged row, e.g. the partition's; they take the place of its own of the same name. */
  readonly set?: Readonly<Record<string, string>>;
}

/** Appends the rows of a SELECT. Appends of any number of writers go together; only definitions can conflict. */
export const append = (context: TableContext, sql: string, options: WriteOptions): Promise<WriteResult> =>
  writeRows(
    context,
    context.latest(),
    appending(async () => sql),
    options,
  );

/** Appends the rows of staged Parquet files, rewritten as one file a partition. */
export const appendFiles = (context: TableContext, options: AppendFilesOptions): Promise<WriteResult> =>
  writeRows(
    context,
    context.latest(),
    appending((rows) => rows.staged(options)),
    options,
  );

/** The rows of local Parquet files, with what is computed of them. */
export async function filesSql(duck: DuckConnection, options: AppendFilesOptions): Promise<string> {
  const relation = `read_parquet(${quoteList(options.files)}, union_by_name = true, hive_partitioning = false)`;
  const selected = `WITH staged AS (SELECT * FROM ${relation}) ${options.sql ?? 'SELECT * FROM staged'}`;
  const set = Object.entries(options.set ?? {});
  if (set.length === 0) return selected;
  const names = new Set(set.map(([name]) => name.toLowerCase()));
  const columns = (await duck.query(`DESCRIBE ${selected}`)).map((row) => String(row.column_name));
  const kept = columns.filter((name) => !names.has(name.toLowerCase())).map(quoteIdentifier);
  const computed = set.map(([name, expression]) => `${expression} AS ${quoteIdentifier(name)}`);
  return `SELECT ${[...kept, ...computed].join(', ')} FROM (${selected})`;
}

const appending = (source: WriteIntent['source']): WriteIntent => ({
  operation: 'WRITE',
  parameters: (snapshot: Snapshot) => ({ mode: 'Append', partitionBy: JSON.stringify(snapshot.partitionColumns) }),
  depends: { rows: null },
  replaces: () => [],
  source,
});
