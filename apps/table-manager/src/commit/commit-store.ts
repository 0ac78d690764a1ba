import type { BatchStaged, TablesChanged } from '@millrace/topics';

/** A message to send once the change that it announces is committed. `id` makes sending it twice store it once. */
export interface OutboxMessage {
  readonly id: string;
  readonly topic: string;
  readonly body: unknown;
}

/** Mart partitions by mart id, as text. */
export type MartPartitions = ReadonlyMap<string, ReadonlySet<string>>;

export interface StalePartition {
  readonly mart: string;
  readonly partition: string;
  /** Newest number that touched it. */
  readonly touched: number;
}

/** What the numbers of a line were said to be, and how far they are applied. */
export interface CommitStore {
  /**
   * Remembers announced batches; repetitions change nothing. Rejects with `LineContradiction` when a number is
   * announced with another batch than before. Returns whether any of them is applied already, that is, whether the
   * sender has missed the answer.
   */
  receive(batches: readonly BatchStaged[]): Promise<{ readonly alreadyApplied: boolean }>;
  /** The line that batches were announced for, or null before the first. */
  line(): Promise<string | null>;
  cursor(lineId: string): Promise<number>;
  /** Announced batches beyond `cursor`, in number order. */
  announced(lineId: string, cursor: number, limit: number): Promise<BatchStaged[]>;
  /**
   * Moves the cursor from `from` to `to`, and with it in one transaction: the batches become applied, the mart
   * partitions are touched by `to`, `message` is in the outbox. False, and nothing changed, when the cursor is not at
   * `from`: another committer was faster.
   */
  advance(commit: { lineId: string; from: number; to: number; touched: MartPartitions; message: OutboxMessage }): Promise<boolean>;
  /** Partitions whose newest rows are not in the mart, oldest touch first. */
  stale(limit: number): Promise<StalePartition[]>;
  /** Partitions were rebuilt from everything up to `number`. A later touch keeps them stale; built never falls. */
  built(partitions: readonly StalePartition[], number: number, message: OutboxMessage): Promise<void>;
  /** Puts a message of no database change into the outbox. */
  announce(message: OutboxMessage): Promise<void>;
}

export type { BatchStaged, TablesChanged };
