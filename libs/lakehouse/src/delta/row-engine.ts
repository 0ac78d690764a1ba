import type { Duck, DuckConnection } from '../duckdb';
import type { PartitionValues } from './actions';
import { type AppendFilesOptions, filesSql } from './append';
import { type WriteTarget, type Written, writeFiles } from './data-writer';
import type { DeltaLog } from './delta-log';
import { scanSql, type ScanOptions } from './scan';
import type { Field } from './schema';
import { describe, selectColumns, type SourceColumn } from './select-columns';
import type { Snapshot } from './snapshot';

/**
 * What reads and writes the rows of data files; everything else of a table is its log. A source is a question that
 * yields rows, as text in the engine's own language: SQL where that is DuckDB.
 */
export interface RowEngine {
  /** Lends the engine for the time of `task`. */
  use<T>(task: (rows: RowSession) => Promise<T>): Promise<T>;
}

export interface RowSession {
  /** The rows of staged files. */
  staged(options: AppendFilesOptions): Promise<string>;
  /** The rows of files of a snapshot. */
  scan(log: DeltaLog, snapshot: Snapshot, options: ScanOptions): Promise<string>;
  describe(source: string): Promise<SourceColumn[]>;
  /** Exactly `fields` of a source that has `columns`; missing ones are null. */
  select(
    fields: readonly Field[],
    columns: readonly SourceColumn[],
    source: string,
    partitionBy: readonly string[],
  ): string;
  /** Writes a source's rows as files, one a partition: durable, and not yet part of the table. */
  write(log: DeltaLog, source: string, target: WriteTarget, options: WriteFilesOptions): Promise<Written>;
}

export interface WriteFilesOptions {
  readonly dataChange: boolean;
  /** All rows are said to be of this partition. */
  readonly partition?: PartitionValues;
  readonly newId: () => string;
}

/** Parquet by DuckDB. */
export const duckRows = (duck: Duck): RowEngine => ({
  use: (task) =>
    duck.use((connection: DuckConnection) =>
      task({
        staged: (options) => filesSql(connection, options),
        scan: (log, snapshot, options) => scanSql(log, snapshot, connection, options),
        describe: (source) => describe(connection, source),
        select: selectColumns,
        write: (log, source, target, options) => writeFiles(log, connection, source, target, options),
      }),
    ),
});
