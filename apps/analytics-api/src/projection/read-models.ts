import type { CountRow } from '@millrace/messaging';
import type { BatchStaged, TablesChanged } from '@millrace/topics';

/** A run of the input log, as counted: `[from, to)` of one partition and what its batches' headers say. */
export interface CountedRange {
  readonly topic: string;
  readonly partition: string;
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

/**
 * What analytics-api knows of the path, projected from topics. Every method may be called twice with the same input,
 * also at once by two instances, and counts it once.
 */
export interface ReadModels {
  /** Counts what was received. A range that is counted already, whole or in part, changes nothing but the rest. */
  countReceived(range: CountedRange): Promise<void>;
  /** Where counting goes on in a partition; null before the first range. */
  receivedPosition(topic: string, partition: string): Promise<number | null>;
  /** Counts the fates of batches, each number of a line once. */
  countFates(batches: readonly BatchStaged[]): Promise<void>;
  recordCommit(commit: TablesChanged): Promise<void>;
  /**
   * Rows whose hour lies in `[from, to)`, in one snapshot. `behind` is true while fates are counted of which the
   * receipt is not: then a row may show more fates than receipts, and the answer has to wait.
   */
  conservation(from: Date | null, to: Date | null): Promise<{ rows: ConservationRow[]; behind: boolean }>;
  /** Highest counted position of each partition of the input. */
  receivedPositions(topic: string): Promise<ReadonlyMap<string, number>>;
  /** How far landed batches cover each partition of the input, without a gap from the first on. */
  landedPositions(topic: string): Promise<ReadonlyMap<string, number>>;
  /** How far committed batches cover each partition of the input: what lies before is in the tables. */
  committedPositions(topic: string): Promise<ReadonlyMap<string, number>>;
  batch(batchId: number): Promise<BatchPlace | null>;
  /** The first build of a mart partition that was made from batches up to `number` or later; null while there is none. */
  martBuild(
    lineId: string,
    mart: string,
    partition: string,
    number: number,
  ): Promise<{ readonly version: number; readonly at: string } | null>;
  /** Batches beyond what is committed. */
  uncommitted(lineId: string): Promise<number>;
  /** Forgets batches that landed, and commits that were made, before a time. */
  prune(before: Date): Promise<void>;
}

/** Where a landed batch stands. */
export interface BatchPlace {
  readonly lineId: string;
  readonly number: number;
  readonly batchId: number;
  readonly topic: string;
  readonly partition: string;
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly contractsIndex: number;
  readonly landedAt: string;
  /** The commit that made it visible, or null while it waits. */
  readonly commit: {
    readonly catalogVersion: number;
    readonly tables: Readonly<Record<string, number>>;
    readonly at: string;
  } | null;
}
