import type { StagedFile } from '@millrace/topics';

/** A worker's run that is over, and whose leftovers have not been collected yet. */
export interface DeadEpoch {
  readonly epoch: number;
  /** No raw file of it lies under an earlier accept date; null when it wrote none. */
  readonly acceptedFrom: string | null;
  readonly endedAt: Date;
}

/** A landed batch whose staged files nobody needs any more. */
export interface PassedBatch {
  readonly batchId: number;
  readonly files: readonly StagedFile[];
}

/** What upkeep asks of the landing store beside landings. Every method may be called by several workers at once. */
export interface UpkeepStore {
  /** The last heartbeats of workers other than this that are not known to be dead. */
  othersAlive(epoch: number): Promise<{ readonly epoch: number; readonly heartbeat: string }[]>;
  /**
   * Declares a worker dead unless its heartbeat is another one by now. Waits for its landings under way; none of them
   * commits after. False when it lives, or was dead before.
   */
  declareDead(epoch: number, heartbeat: string): Promise<boolean>;
  uncollected(): Promise<DeadEpoch[]>;
  /** Nothing is left of the epoch. */
  collected(epoch: number): Promise<void>;
  /** Those of the batches that have landed. */
  landedAmong(batchIds: readonly number[]): Promise<ReadonlySet<number>>;
  /** Batches that every destination has passed, that landed at least `keepMs` ago and have staged files, by number. */
  passed(keepMs: number, limit: number): Promise<PassedBatch[]>;
  /** The staged files of these batches are gone; their raw parts stay. */
  stagedDeleted(batchIds: readonly number[]): Promise<void>;
}
