import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { DuckError, type DuckConnection, quoteIdentifier, quoteLiteral } from '../duckdb';
import type { ColumnStatistics } from './stats';

/** A file that COPY wrote. */
export interface CopyResult {
  readonly filename: string;
  readonly count: number;
  readonly file_size_bytes: number;
  readonly column_statistics: readonly ColumnStatistics[];
  readonly partition_keys: readonly { readonly key: string; readonly value: string | null }[] | null;
}

/**
 * Partitions that one COPY writes at a time where there are many. DuckDB keeps a writer a partition open, of about a
 * MiB for 20 columns: 100,000 rows over 365 dates fail in 256 MiB, where part by part they take no longer (2.4 s) than
 * all at once in 512.
 */
const PARTITIONS_AT_ONCE = 48;

/** Writes the rows of `sql` as one file into `folder`. */
export async function copyToFile(
  duck: DuckConnection,
  sql: string,
  folder: string,
  compression: string,
): Promise<CopyResult[]> {
  const file = path.join(folder, 'part.parquet');
  return run(duck, `COPY (${sql}) TO ${quoteLiteral(file)} (FORMAT parquet, COMPRESSION ${compression}, RETURN_STATS)`);
}

/**
 * Writes the rows of `sql` as one file a partition into `folder`. `many` says that more partitions are expected than fit
 * into memory; when they do not fit unexpectedly, they are written a part at a time as well.
 */
export async function copyByPartition(
  duck: DuckConnection,
  sql: string,
  folder: string,
  compression: string,
  columns: readonly string[],
  many: boolean,
): Promise<CopyResult[]> {
  if (!many) {
    try {
      return await copyPart(duck, sql, path.join(folder, 'all'), compression, columns);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await rm(path.join(folder, 'all'), { recursive: true });
    }
  }
  // The query runs once, for it may give other rows in another order the next time; its result is read part by part.
  const file = quoteLiteral(path.join(folder, 'rows.parquet'));
  await duck.query(`COPY (${sql}) TO ${file} (FORMAT parquet, COMPRESSION snappy)`);
  const key = `hash(${columns.map(quoteIdentifier).join(', ')})`;
  const [{ n }] = await duck.query(
    `SELECT count(DISTINCT ${key}) AS n FROM read_parquet(${file}, hive_partitioning = false)`,
  );
  const wanted = Math.max(1, Math.ceil(Number(n) / PARTITIONS_AT_ONCE));
  const todo = Array.from({ length: wanted }, (_, part) => ({ part, parts: wanted }));
  const written: CopyResult[] = [];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { part, parts } = next;
    const rows = `SELECT * FROM read_parquet(${file}, hive_partitioning = false) WHERE ${key} % ${parts} = ${part}`;
    const into = path.join(folder, `part-${part}-of-${parts}`);
    try {
      written.push(...(await copyPart(duck, rows, into, compression, columns)));
    } catch (error) {
      // Four parts of it, until each has about one partition.
      if (!isOutOfMemory(error) || parts > 4 * Number(n)) throw error;
      await rm(into, { recursive: true });
      for (let k = 0; k < 4; k++) todo.push({ part: part + k * parts, parts: 4 * parts });
    }
  }
  return written;
}

const isOutOfMemory = (error: unknown): boolean => error instanceof DuckError && error.code === 'DUCK_OUT_OF_MEMORY';

/** Whether a write of so many partitions should be expected to be followed by another such one. */
export const isMany = (partitions: number): boolean => partitions > 2 * PARTITIONS_AT_ONCE;

async function copyPart(
  duck: DuckConnection,
  sql: string,
  folder: string,
  compression: string,
  columns: readonly string[],
): Promise<CopyResult[]> {
  await mkdir(folder);
  // APPEND spares DuckDB the look whether the folder is empty; it asks for names that cannot collide. Without a folder a
  // partition: ext4 looks past every inode freed in the last seconds for each new one, a fifth of a small commit's CPU.
  const by = `PARTITION_BY (${columns.map(quoteIdentifier).join(', ')}), HIVE_FILE_PATTERN false, FILENAME_PATTERN 'part-{uuidv4}', APPEND`;
  return run(
    duck,
    `COPY (${sql}) TO ${quoteLiteral(folder)} (FORMAT parquet, COMPRESSION ${compression}, RETURN_STATS, ${by})`,
  );
}

async function run(duck: DuckConnection, copy: string): Promise<CopyResult[]> {
  const rows = (await duck.query(copy)) as unknown as CopyResult[];
  return rows.filter((row) => Number(row.count) > 0);
}
