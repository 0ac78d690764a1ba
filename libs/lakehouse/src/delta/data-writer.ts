import { type DuckConnection, quoteIdentifier } from '../duckdb';
import { SchemaMismatch } from '../errors';
import type { AddFile, PartitionValues } from './actions';
import { copyByPartition, type CopyResult, copyToFile, isMany } from './copy-rows';
import { partitionFolder, toLogPath } from './data-paths';
import type { DeltaLog } from './delta-log';
import { toPartitionValue } from './partition-values';
import type { WriteFilesOptions } from './row-engine';
import { type Field, findField } from './schema';
import { nullCount, statsJson } from './stats';
import type { Compression } from './table-context';

/** Tag of an added file: the digest of the columns it holds, which saves a look into the file when it is read. */
export const SCHEMA_TAG = 'millrace.schema';

export interface WriteTarget {
  readonly fields: readonly Field[];
  readonly partitionColumns: readonly string[];
  readonly digest: string;
  readonly compression: Compression;
  /** Milliseconds since the epoch, recorded as the files' modification time. */
  readonly now: number;
}

export interface Written {
  readonly adds: readonly AddFile[];
  readonly rows: number;
  readonly bytes: number;
  /** Removes the published files. Only for when no commit can name them. */
  undo(): Promise<void>;
}

/**
 * Writes the rows of `sql`, which yields exactly the target's columns, as one Parquet file a partition, and publishes
 * them: synced, and not yet part of the table. With `partition` all rows are said to be of that one.
 */
export async function writeFiles(
  log: DeltaLog,
  duck: DuckConnection,
  sql: string,
  target: WriteTarget,
  options: WriteFilesOptions,
): Promise<Written> {
  const folder = await log.storage.stageFolder();
  try {
    const results = await copy(log, duck, sql, folder.localPath, target, options.partition);
    const files = results.map((row) => describeFile(row, target, options));
    await folder.publish(files.map((f) => ({ localPath: f.localPath, path: log.path(f.objectPath) })));
    return {
      adds: files.map((f) => f.add),
      rows: files.reduce((sum, f) => sum + f.rows, 0),
      bytes: files.reduce((sum, f) => sum + f.add.size, 0),
      undo: async () => {
        for (const file of files) await log.storage.delete(log.path(file.objectPath));
      },
    };
  } finally {
    await folder.discard();
  }
}

/** Tables whose last write had many partitions. */
const broad = new WeakSet<DeltaLog>();

async function copy(
  log: DeltaLog,
  duck: DuckConnection,
  sql: string,
  folder: string,
  target: WriteTarget,
  partition: PartitionValues | undefined,
): Promise<CopyResult[]> {
  const columns = target.partitionColumns;
  if (columns.length === 0) return copyToFile(duck, sql, folder, target.compression);
  if (partition) {
    const rows = `SELECT * EXCLUDE (${columns.map(quoteIdentifier).join(', ')}) FROM (${sql})`;
    return copyToFile(duck, rows, folder, target.compression);
  }
  const written = await copyByPartition(duck, sql, folder, target.compression, columns, broad.has(log));
  if (isMany(written.length)) broad.add(log);
  else broad.delete(log);
  return written;
}

function describeFile(
  row: CopyResult,
  target: WriteTarget,
  options: WriteFilesOptions,
): { localPath: string; objectPath: string; rows: number; add: AddFile } {
  const partitionValues = options.partition ?? valuesOf(row, target);
  assertNotNull(row, target, partitionValues);
  const objectPath = `${partitionFolder(target.partitionColumns, partitionValues)}part-${options.newId()}.${target.compression}.parquet`;
  const rows = Number(row.count);
  return {
    localPath: row.filename,
    objectPath,
    rows,
    add: {
      path: toLogPath(objectPath),
      partitionValues,
      size: Number(row.file_size_bytes),
      modificationTime: target.now,
      dataChange: options.dataChange,
      stats: statsJson(rows, row.column_statistics, target.fields),
      tags: { [SCHEMA_TAG]: target.digest },
    },
  };
}

function valuesOf(row: CopyResult, target: WriteTarget): PartitionValues {
  const keys = new Map((row.partition_keys ?? []).map((entry) => [entry.key, entry.value]));
  return Object.fromEntries(
    target.partitionColumns.map((name) => {
      const type = findField(target.fields, name)?.type ?? 'string';
      return [name, toPartitionValue(type, keys.get(name) ?? null)];
    }),
  );
}

/** DuckDB's Parquet columns are all nullable: what the table promises is looked up in the statistics. */
function assertNotNull(row: CopyResult, target: WriteTarget, partitionValues: PartitionValues): void {
  for (const field of target.fields) {
    if (field.nullable) continue;
    const isNull = target.partitionColumns.includes(field.name)
      ? partitionValues[field.name] === null
      : nullCount(row.column_statistics, field.name) !== 0;
    if (isNull) throw new SchemaMismatch(`column ${field.name} cannot be null`);
  }
}
