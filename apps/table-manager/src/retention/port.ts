import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { MartPartition } from '../commit/commit-store';
import type { Term } from './terms';

/** A file of a table with rows that are over. */
export interface ExpiredFile {
  /** As the table's log has it. */
  readonly path: string;
  readonly bytes: number;
  /** All of its rows are over: it goes unread. Else it is written again without them. */
  readonly isWhole: boolean;
  /** Rows that are over, by dataset. */
  readonly rows: Readonly<Record<string, number>>;
  /** Partitions of marts that those rows are counted in. */
  readonly partitions: readonly MartPartition[];
}

export interface RemovalDraft {
  /** UUID. */
  readonly id: string;
  /** The last removal that the table's log knows of. */
  readonly seqAfter: number;
  readonly table: string;
  /** Rows that were over at this time go, ms since 1970. */
  readonly decidedAtMs: number;
  readonly terms: readonly Term[];
  readonly files: readonly ExpiredFile[];
}

/** A removal under way: it never changes, so whoever finishes it does, and tells, the same. */
export interface Removal extends Omit<RemovalDraft, 'seqAfter'> {
  /** Larger than those of all removals of the table before it. */
  readonly seq: number;
}

/** A removal that was done: why rows are no longer there. */
export interface RemovalDone {
  readonly id: string;
  readonly table: string;
  /** By dataset, deleted rows and the time that the younger ones are from, RFC 3339. */
  readonly datasets: readonly { readonly dataset: string; readonly rows: number; readonly cutOff: string }[];
  readonly files: number;
  readonly bytes: number;
  /** Of the table, without the rows. */
  readonly version: number;
  readonly at: string;
}

export interface FrozenCount {
  readonly mart: string;
  /** Partitions that are not built any more. */
  readonly frozen: number;
  /** Those among them that later rows, or other changes, would have changed. */
  readonly late: number;
}

export interface FrozenPartition {
  readonly partition: string;
  readonly frozenAt: string;
  readonly isLate: boolean;
}

/**
 * What retention deletes, in the service's own schema. A removal is planned before anything is deleted, and done when a
 * catalog names the table without the rows; several processes may be at it.
 */
export interface RetentionStore {
  /**
   * The time that rows are over by, ms since 1970: this process's, but no later than a day after the newest event; beyond
   * that it goes on by a day a day. So a clock that jumps ahead deletes nothing that is not over.
   *
   * @param newestMs when the newest event was taken in
   */
  horizon(nowMs: number, newestMs: number): Promise<number>;
  /** Removals that are planned and not done, one a table. */
  planned(): Promise<Removal[]>;
  /**
   * Plans a removal of those files whose partitions are built with everything that touched them, and freezes these
   * partitions: from now on nobody builds them. In one transaction, so that no partition is frozen before its rows are in it.
   *
   * @param holding marts that a file waits for; those of others are frozen as they are
   * @returns null where none is left, or another removal of the table is planned; the paths of files that wait
   */
  plan(
    draft: RemovalDraft,
    holding: ReadonlySet<string>,
  ): Promise<{ readonly removal: Removal | null; readonly waiting: readonly string[] }>;
  /** Its files are no longer there, and it removed none of them. What it froze stays so: another may rely on it. */
  abandon(removal: Removal): Promise<void>;
  /** The table lacks the rows, in `version`; false, and nothing told, where another process has said so. */
  done(removal: Removal, version: number, messages: readonly OutboxEntry[]): Promise<boolean>;
  /** Newest first. */
  history(table: string, limit: number): Promise<RemovalDone[]>;
  frozenCounts(): Promise<FrozenCount[]>;
  /** Newest partitions first. */
  frozen(mart: string, limit: number): Promise<FrozenPartition[]>;
}
