import type { CountRow } from '@millrace/messaging';
import type { BatchStaged, TablesChanged } from '@millrace/topics';

/** A batch of the input log as its header tells of it: `[from, to)` of its partition, and who sent what. */
export interface CountedBatch {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly CountRow[];
}

/** One row of the conservation law: received = landed + duplicate + quarantined + pending. */
export interface ConservationRow {
  readonly tenant: string;
  readonly source: string;
  readonly hour: string;
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly pending: number;
}

/** How far the input has landed. */
export interface LandedProgress {
  /** Batches up to this number are known here, without a gap. */
  readonly number: number;
  /** Everything before this position of a partition is in those batches. */
  readonly landedTo: ReadonlyMap<string, number>;
}

/**
 * What analytics-api knows of the path, projected from topics. Every method may be called twice with the same input,
 * in any order, also at once by two instances, and counts it once.
 */
export interface ReadModels {
  /**
   * Counts contiguous batches of a partition of the input; those that are counted already change nothing.
   *
   * @throws Error for batches that leave out some of the log: it must not be counted over
   */
  countReceived(topic: string, partition: string, batches: readonly CountedBatch[]): Promise<void>;
  /** Where counting goes on in each partition of the input. */
  receivedPositions(topic: string): Promise<ReadonlyMap<string, number>>;
  /** Counts the fates of batches, each number of a line once. */
  countFates(batches: readonly BatchStaged[]): Promise<void>;
  recordCommit(commit: TablesChanged): Promise<void>;
  /**
   * Rows of a tenant whose hour lies in `[from, to)`, in one snapshot. `behind` is true while fates are counted of which the
   * receipt is not: then a row may show more fates than receipts, and the answer has to wait.
   */
  conservation(
    tenant: string,
    from: Date | null,
    to: Date | null,
  ): Promise<{ rows: ConservationRow[]; behind: boolean }>;
  /** Of a line, or of the newest one where none is named. */
  progress(lineId: string | null, topic: string): Promise<LandedProgress>;
  /** What lies before this position of a partition is in batches up to `number`. */
  visibleTo(lineId: string | null, topic: string, number: number): Promise<ReadonlyMap<string, number>>;
  places(batchIds: readonly number[]): Promise<ReadonlyMap<number, BatchPlace>>;
  /** The first build of a mart partition that was made from batches up to `number` or later; null while there is none. */
  martBuild(lineId: string, mart: string, partition: string, number: number): Promise<MartBuild | null>;
  /**
   * The batches of a line that had been committed at a time. `upTo` is the number of a catalog: everything up to it has to be
   * known here, else `behind`. `forgotten` when the commits of that time are not known any more.
   */
  batchesKnownAt(lineId: string, at: Date, upTo: number): Promise<BatchesKnown | 'behind' | 'forgotten'>;
  /**
   * Forgets batches that landed, and commits that were made, before a time, all but the last commit and the highest batch
   * id of each line: what was known at that time stays known. What is counted stays counted.
   */
  prune(before: Date): Promise<void>;
}

export interface MartBuild {
  readonly version: number;
  readonly at: string;
}

/** The batches up to a number, by their ids, which grow but are not in the order of the numbers. */
export interface BatchesKnown {
  /** 0 when there was no batch. */
  readonly number: number;
  /** None of these batches has a higher id; -1 when there was none. */
  readonly upTo: number;
  /** Ids up to that which belong to later batches. */
  readonly except: readonly number[];
}

export interface TableCommit {
  readonly catalogVersion: number;
  readonly tables: Readonly<Record<string, number>>;
  readonly at: string;
}

/** Where a landed batch stands. */
export interface BatchPlace {
  readonly lineId: string;
  readonly number: number;
  readonly batchId: number;
  readonly topic: string;
  readonly partition: string;
  readonly landedAt: string;
  /** The commit that made it visible, or null while it waits. */
  readonly commit: TableCommit | null;
}
