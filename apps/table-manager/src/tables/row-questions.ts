import type { CompiledContract } from '@millrace/contracts';
import type { DeltaTable, Snapshot } from '@millrace/lakehouse';
import type { Mart, MartDefinition, MartDimension } from '@millrace/marts';

/** A table as one of its versions has it. */
export interface TableAt {
  readonly table: DeltaTable;
  readonly snapshot: Snapshot;
}

/** A dimension of which later loads make partitions stale. */
export type JoinedDimension = Pick<MartDimension, 'sourceTime'> & { readonly sourceKey: string };

export interface UntypedRows {
  readonly source: string;
  readonly rows: number;
  partitionsOf(mart: Mart): Promise<string[]>;
}

/** What is asked of rows; everything else that this service does needs no more than the tables' logs. */
export interface RowQuestions {
  /** Rows of each of these batches in a table; a batch without rows is absent. */
  rowsByBatch(at: TableAt, batchIds: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Partitions of a mart that the rows of staged files belong to. */
  touched(mart: Mart, files: readonly string[]): Promise<string[]>;
  /** Partitions of a mart with rows that the changes of a dimension in staged files are about, among those of a source. */
  using(mart: Mart, dimension: JoinedDimension, files: readonly string[], source: TableAt): Promise<string[]>;
  /**
   * Rows of `clean.events` that landed while no contract governed their type, as the contract's table has them, as a
   * source of rows in the language of the tables' row engine, how many they are, and which partitions of a mart they
   * belong to.
   *
   * @param batchIds only those of these batches; null for all
   * @param loadedAt ISO-8601, for `_loaded_at`
   */
  untyped(
    contract: CompiledContract,
    events: TableAt,
    batchIds: readonly number[] | null,
    loadedAt: string,
  ): Promise<UntypedRows>;
  /**
   * The rows of partitions of a mart, computed from its sources, as a source of rows in the language of the tables' row
   * engine.
   */
  mart(mart: MartDefinition, partitions: readonly string[], sources: ReadonlyMap<string, TableAt>): Promise<string>;
}
