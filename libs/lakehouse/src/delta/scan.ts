import { type Duck, type DuckConnection, quoteIdentifier, quoteList } from '../duckdb';
import { SchemaMismatch } from '../errors';
import type { AddFile } from './actions';
import { fromLogPath } from './data-paths';
import { SCHEMA_TAG } from './data-writer';
import type { DeltaLog } from './delta-log';
import { toDuckType } from './duck-types';
import { partitionLiteral } from './partition-values';
import { type Field, findField } from './schema';
import type { Snapshot } from './snapshot';

export interface ScanOptions {
  /** Files to read, e.g. what `prune` left; default all. */
  readonly files?: readonly AddFile[];
  /** Columns wanted, by name and in this order; default all. */
  readonly columns?: readonly string[];
}

const localPaths = new WeakMap<AddFile, Promise<string>>();

/**
 * A SELECT that yields the rows of a snapshot: columns that a file lacks are null, partition columns come from the log,
 * every column has the table's type. It names local files, so it holds as long as these are kept.
 */
export async function scanSql(
  log: DeltaLog,
  snapshot: Snapshot,
  duck: Pick<Duck, 'query'> | DuckConnection,
  options: ScanOptions = {},
): Promise<string> {
  const fields = options.columns ? options.columns.map((name) => fieldOf(snapshot, name)) : snapshot.fields;
  const files = options.files ?? [...snapshot.files.values()];
  if (files.length === 0) {
    return `SELECT ${fields.map((f) => `NULL::${toDuckType(f.type)} AS ${quoteIdentifier(f.name)}`).join(', ')} WHERE false`;
  }
  const groups = new Map<string, AddFile[]>();
  for (const file of files) {
    const digest = file.tags?.[SCHEMA_TAG] ?? '';
    const group = groups.get(digest);
    if (group) group.push(file);
    else groups.set(digest, [file]);
  }
  const selects: string[] = [];
  for (const [digest, group] of groups) selects.push(await scanGroup(log, snapshot, duck, fields, digest, group));
  return selects.join(' UNION ALL ');
}

async function scanGroup(
  log: DeltaLog,
  snapshot: Snapshot,
  duck: Pick<Duck, 'query'> | DuckConnection,
  fields: readonly Field[],
  digest: string,
  files: readonly AddFile[],
): Promise<string> {
  const local = await Promise.all(files.map((file) => localPath(log, file)));
  // Of files with a digest one speaks for all; others may differ among themselves.
  const union = digest === '' && files.length > 1;
  const relation = `read_parquet(${quoteList(local)}, hive_partitioning = false${union ? ', union_by_name = true' : ''})`;
  const held = digest === snapshot.digest ? null : await columnsOf(duck, union ? relation : singleRelation(local[0]));
  const list = fields.map((field) => {
    const name = quoteIdentifier(field.name);
    if (snapshot.partitionColumns.includes(field.name)) return `${partitionColumn(field, files)} AS ${name}`;
    if (!held) return name;
    const column = held.get(field.name.toLowerCase());
    const type = toDuckType(field.type);
    if (!column) return `NULL::${type} AS ${name}`;
    return `CAST(${quoteIdentifier(column.name)} AS ${type}) AS ${name}`;
  });
  return `SELECT ${list.join(', ')} FROM ${relation}`;
}

const singleRelation = (file: string): string => `read_parquet(${quoteList([file])}, hive_partitioning = false)`;

async function columnsOf(
  duck: Pick<Duck, 'query'> | DuckConnection,
  relation: string,
): Promise<Map<string, { name: string }>> {
  const rows = await duck.query(`DESCRIBE SELECT * FROM ${relation}`);
  return new Map(rows.map((row) => [String(row.column_name).toLowerCase(), { name: String(row.column_name) }]));
}

/** One value for all files, or a list looked up by the file's place: DuckDB pushes filters on that into the scan. */
function partitionColumn(field: Field, files: readonly AddFile[]): string {
  const values = files.map((file) => file.partitionValues[field.name] ?? null);
  if (new Set(values).size === 1) return partitionLiteral(field.type, values[0]);
  const list = values.map((value) => partitionLiteral(field.type, value)).join(', ');
  return `list_extract([${list}], (file_index + 1)::BIGINT)`;
}

function localPath(log: DeltaLog, file: AddFile): Promise<string> {
  let found = localPaths.get(file);
  if (!found) {
    found = log.storage.localPath(log.path(fromLogPath(file.path)));
    localPaths.set(file, found);
    // A failure is not remembered: the file may be back from a backup.
    found.catch(() => localPaths.delete(file));
  }
  return found;
}

function fieldOf(snapshot: Snapshot, name: string): Field {
  const field = findField(snapshot.fields, name);
  if (!field) throw new SchemaMismatch(`the table has no column ${name}`);
  return field;
}
