/**
 * The part of an erasure that concerns the lake's tables, which table-manager does for curation-worker: a request by
 * `erasure.requested`, what becomes of it by `erasure.results`. Both are told at least once; a request is known by its id,
 * a result by its revision. Neither names a person.
 */
export interface ErasureRequested {
  /** UUID of the erasure. */
  readonly id: string;
  readonly lineId: string;
  /** Rows with tokens of these keys are deleted; keys by the names that tokens have of them, e.g. `s1f`. */
  readonly keys: readonly string[];
  /** No batch after this number has such rows. */
  readonly number: number;
  readonly at: string;
}

export interface ErasureResult {
  readonly id: string;
  /** 1, 2, … of an erasure: an earlier one changes nothing that a later one said. */
  readonly revision: number;
  readonly status: 'running' | 'done';
  /** What it waits for, for people; null where it does not. */
  readonly waitingFor: string | null;
  readonly deleted: ErasedRows;
  readonly at: string;
}

/** What was deleted of the tables. */
export interface ErasedRows {
  /** By table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Partitions rebuilt without them, by mart. */
  readonly martPartitions: Readonly<Record<string, readonly string[]>>;
  /** Data files of former versions that held them, and are gone. */
  readonly files: number;
  readonly bytes: number;
}

/** How rows are found that have tokens of these keys: one of these texts is in them. */
export const tokenMarks = (keys: readonly string[]): string[] => keys.flatMap((key) => [`tok_${key}_`, `rev_${key}_`]);
