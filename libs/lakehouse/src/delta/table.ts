import { randomUUID } from 'node:crypto';
import type { Storage } from '@millrace/storage';
import type { Duck } from '../duckdb';
import { ConcurrentModification } from '../errors';
import type { AddFile, PartitionValues } from './actions';
import { append, appendFiles, type AppendFilesOptions } from './append';
import { Checkpointer } from './checkpointer';
import { commit, type CommitPlan, type Committed } from './commit';
import { createTable, type CreateOptions } from './create';
import {
  deleteHolding,
  type DeleteResult,
  filesHolding,
  type HoldingFile,
  removedFiles,
  unusedHolding,
  type UnusedFile,
} from './delete-holding';
import { DeltaLog } from './delta-log';
import { addColumns } from './evolve';
import { History, type HistoryEntry, versionAt } from './history';
import { type Loaded, loadNewest, loadVersion } from './load';
import { optimize, type OptimizeOptions, type OptimizeResult } from './optimize';
import { assertReadable } from './protocol-support';
import { prune, type Range } from './prune';
import { type FileRemoval, type RemoveOptions, removeRows } from './remove-rows';
import { overwrite, type ReplaceOptions, replacePartitions } from './replace';
import { duckRows, type RowEngine } from './row-engine';
import { scanSql, type ScanOptions } from './scan';
import type { ColumnDefinition } from './schema';
import type { Snapshot } from './snapshot';
import type { Compression, TableContext } from './table-context';
import { vacuum, type VacuumOptions, type VacuumResult } from './vacuum';
import type { WriteOptions, WriteResult } from './write';

export interface TableOptions {
  readonly duck: Duck;
  /** Reads and writes rows. Default `duck`. */
  readonly rows?: RowEngine;
  readonly clock?: { now(): number };
  /** Makes UUIDs; default random ones. */
  readonly newId?: () => string;
  readonly pause?: (ms: number) => Promise<void>;
  /** Commits between checkpoints; 0 for none. Default 100, or the table's `delta.checkpointInterval`. */
  readonly checkpointInterval?: number;
  /** Size that `optimize` packs files to. Default 128 MiB. */
  readonly targetFileBytes?: number;
  /** Default zstd. */
  readonly compression?: Compression;
  /** Told of failures of checkpoints and of the log's clean-up, which run beside commits and are tried again. */
  readonly onBackgroundError?: (error: unknown) => void;
  /** Called when a commit's data files are written and no version names them; for tests of what comes between. */
  readonly beforeCommit?: () => Promise<void> | void;
}

/**
 * A Delta table on a storage, read and written through DuckDB. Any number of processes may use one table: versions are
 * atomic, each has one winner, and a snapshot once taken never changes.
 */
export class DeltaTable {
  /** Creates the table, or opens the one there is under `ifNotExists`. */
  static async create(storage: Storage, root: string, options: TableOptions & CreateOptions): Promise<DeltaTable> {
    const table = new DeltaTable(storage, root, options);
    await createTable(table.context.log, options, table.context);
    await table.refresh();
    return table;
  }

  /** Throws `TableNotFound` or `UnsupportedTable`. */
  static async open(storage: Storage, root: string, options: TableOptions): Promise<DeltaTable> {
    const table = new DeltaTable(storage, root, options);
    await table.refresh();
    return table;
  }

  private readonly context: TableContext;
  private readonly checkpointer: Checkpointer;
  private readonly past: History;
  private loaded: Loaded | null = null;
  /** End of the line of commits: this process makes one at a time, for they would only race each other. */
  private committing: Promise<unknown> = Promise.resolve();

  private constructor(
    storage: Storage,
    readonly root: string,
    private readonly options: TableOptions,
  ) {
    const clock = options.clock ?? { now: () => Date.now() };
    this.context = {
      log: new DeltaLog(storage, root),
      duck: options.duck,
      rows: options.rows ?? duckRows(options.duck),
      now: () => clock.now(),
      newId: options.newId ?? (() => randomUUID()),
      pause: options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      compression: options.compression ?? 'zstd',
      latest: () => this.snapshot,
      refresh: () => this.refresh(),
      commit: (read, plan) => this.commit(read, plan),
    };
    this.past = new History(this.context.log);
    this.checkpointer = new Checkpointer(this.context, options.onBackgroundError ?? (() => undefined));
  }

  /** The newest version known here: as of the last refresh or commit. */
  get snapshot(): Snapshot {
    if (!this.loaded) throw new Error('the table is not open');
    return this.loaded.snapshot;
  }

  get version(): number {
    return this.snapshot.version;
  }

  /** The newest version of the table. Reads only the commits since the last one known. */
  async refresh(): Promise<Snapshot> {
    const loaded = await loadNewest(this.context.log, (task) => this.context.duck.use(task), this.loaded);
    assertReadable(loaded.snapshot);
    this.keep(loaded);
    return loaded.snapshot;
  }

  /** A version of the past, by number or by time. Throws `VersionNotFound`. */
  async at(point: { readonly version: number } | { readonly timestamp: Date | string }): Promise<Snapshot> {
    if ('version' in point && point.version === this.loaded?.snapshot.version) return this.snapshot;
    const { log, duck } = this.context;
    const version = 'version' in point ? point.version : await versionAt(log, new Date(point.timestamp).getTime());
    return assertReadable(await loadVersion(log, (task) => duck.use(task), version));
  }

  /** Appends the rows of a SELECT. */
  append(sql: string, options: WriteOptions = {}): Promise<WriteResult> {
    return append(this.context, sql, options);
  }

  /** Appends the rows of local Parquet files, rewritten as one file a partition, in one commit. */
  appendFiles(options: AppendFilesOptions): Promise<WriteResult> {
    return appendFiles(this.context, options);
  }

  /** Puts the rows of a SELECT in place of exactly the named partitions, in one commit. See replace.ts. */
  replacePartitions(
    column: string,
    values: readonly (string | null)[],
    sql: string,
    options: ReplaceOptions = {},
  ): Promise<WriteResult> {
    return replacePartitions(this.context, column, values, sql, options);
  }

  /** Puts the rows of a SELECT in place of all rows, in one commit. */
  overwrite(sql: string, options: ReplaceOptions = {}): Promise<WriteResult> {
    return overwrite(this.context, sql, options);
  }

  /** Adds those of the columns that the table lacks, without touching its files. Returns the version that has them. */
  addColumns(columns: readonly ColumnDefinition[]): Promise<number> {
    return addColumns(this.context, columns);
  }

  /** Files of a snapshot with rows that hold one of the texts in any text column, and how many. */
  filesHolding(
    texts: readonly string[],
    snapshot: Snapshot = this.snapshot,
    signal?: AbortSignal,
  ): Promise<HoldingFile[]> {
    return filesHolding(this.context, snapshot, texts, signal);
  }

  /** Deletes the rows that hold one of the texts in any text column, in one commit. See delete-holding.ts. */
  deleteHolding(texts: readonly string[], signal?: AbortSignal): Promise<DeleteResult> {
    return deleteHolding(this.context, texts, signal);
  }

  /** Removes rows of some files of a snapshot in one commit, or nothing. See remove-rows.ts. */
  removeRows(snapshot: Snapshot, removals: readonly FileRemoval[], options: RemoveOptions): Promise<Committed> {
    return removeRows(this.context, snapshot, removals, options);
  }

  /** Data files that the newest version does not name and that hold one of the texts. See delete-holding.ts. */
  unusedHolding(texts: readonly string[], signal?: AbortSignal): Promise<UnusedFile[]> {
    return unusedHolding(this.context, texts, signal);
  }

  /** Data files that were removed from some partitions, and may still be there. See delete-holding.ts. */
  removedFiles(isWanted: (values: PartitionValues) => boolean): ReturnType<typeof removedFiles> {
    return removedFiles(this.context, isWanted);
  }

  optimize(options: OptimizeOptions = {}): Promise<OptimizeResult> {
    return optimize(this.context, { targetFileBytes: this.options.targetFileBytes, ...options });
  }

  vacuum(options: VacuumOptions = {}): Promise<VacuumResult> {
    return vacuum(this.context, options);
  }

  /** Writes a checkpoint of the newest version known here. */
  checkpoint(): Promise<void> {
    return this.checkpointer.write(this.snapshot);
  }

  /** Newest first. */
  history(limit = Infinity): Promise<HistoryEntry[]> {
    return this.past.newest(this.snapshot.version, limit);
  }

  /** A SELECT of a snapshot's rows; it names local files. */
  scanSql(snapshot: Snapshot = this.snapshot, options: ScanOptions = {}): Promise<string> {
    return scanSql(this.context.log, snapshot, this.context.duck, options);
  }

  /** The files that may hold rows within the ranges. */
  prune(snapshot: Snapshot, ranges: Readonly<Record<string, Range>>, among?: Iterable<AddFile>): AddFile[] {
    return prune(snapshot, ranges, among);
  }

  /** Resolves when no work runs beside the commits. For an orderly end, and for tests. */
  settled(): Promise<void> {
    return this.checkpointer.settled();
  }

  private async commit(read: Snapshot, plan: CommitPlan): Promise<Committed> {
    await this.options.beforeCommit?.();
    const turn = this.committing.then(() => this.commitOn(read, plan));
    this.committing = turn.catch(() => undefined);
    const committed = await turn;
    this.keep({ snapshot: committed.snapshot, checkpoint: this.loaded?.checkpoint ?? -1 });
    if (committed.outcome === 'committed') this.checkpointer.committed(committed.snapshot, this.interval());
    return committed;
  }

  /**
   * A snapshot may be so old that the log after it has been cleaned away; the version after it would be free again, and
   * a commit under it would be lost. While its own commit is there, so are all after it.
   */
  private async commitOn(read: Snapshot, plan: CommitPlan): Promise<Committed> {
    const { log } = this.context;
    if (await log.hasCommit(read.version)) return commit(log, read, plan, this.context);
    const changed = plan.depends.rows === null ? 'definition' : 'rows';
    const error = new ConcurrentModification(
      'what came after the snapshot is no longer in the log',
      read.version,
      changed,
    );
    return { outcome: 'conflict', snapshot: await this.refresh(), error };
  }

  private keep(loaded: Loaded): void {
    this.checkpointer.known(loaded.checkpoint);
    if (!this.loaded || loaded.snapshot.version >= this.loaded.snapshot.version) this.loaded = loaded;
  }

  private interval(): number {
    if (this.options.checkpointInterval !== undefined) return this.options.checkpointInterval;
    return Number(this.snapshot.properties['delta.checkpointInterval']) || 100;
  }
}
