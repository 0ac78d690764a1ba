import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { BatchStaged } from '@millrace/topics';
import type { Observed } from '../observation/port';

/** Mart partitions by mart id, as text. */
export type MartPartitions = ReadonlyMap<string, ReadonlySet<string>>;

export interface MartPartition {
  readonly mart: string;
  readonly partition: string;
}

export interface BuiltPartition extends MartPartition {
  /** As it was when the partition was found stale. */
  readonly asked: number;
}

/** How far a mart is behind. */
export interface Staleness {
  /** Partitions whose newest rows are not in the mart, the longest waiting first. */
  readonly stale: readonly StalePartition[];
  /** Once these partitions are rebuilt the mart holds everything up to this number. */
  readonly upTo: number;
}

export interface StalePartition {
  readonly partition: string;
  /** The first number whose rows may be missing. */
  readonly staleFrom: number;
  /** How often it was to be built again, other than for new rows. */
  readonly asked: number;
}

/** How far the line of this database's lake is applied. */
export interface Progress {
  readonly lineId: string;
  /** Batches up to this number are in every table, and their mart partitions are touched. */
  readonly cursor: number;
  /** The end of the range that is being committed; null when none is. */
  readonly plannedTo: number | null;
}

export interface Commit extends Pick<Progress, 'lineId' | 'cursor'> {
  /** The new cursor. */
  readonly to: number;
  /** Mart partitions that the rows of the range belong to. */
  readonly touched: MartPartitions;
  readonly message: OutboxEntry;
  /** What the events of the range looked like. */
  readonly observed?: readonly Observed[];
  /** The contract index of the range's last batch. */
  readonly contractsIndex?: number;
}

/**
 * What the numbers of the line were said to be, and how far they are applied. Every method may be called by several
 * processes at once.
 */
export interface CommitStore {
  /**
   * Remembers announced batches; repetitions change nothing. Returns the cursor when one of them lies at or below it,
   * that is, when the sender has missed the answer; else null.
   *
   * @throws LineContradiction when a number was announced with another batch, or the batches are of another line. That
   * the number is contradicted is remembered: `announced` stops before it.
   */
  receive(batches: readonly BatchStaged[]): Promise<number | null>;
  /** Null before the first batch. */
  progress(): Promise<Progress | null>;
  /**
   * Announced batches beyond the cursor, in number order, up to the first that is contradicted.
   *
   * @throws LineContradiction when that is the first of all
   */
  announced(progress: Progress, limit: number): Promise<BatchStaged[]>;
  /**
   * Makes `(cursor, to]` the range that is committed next, by whoever it is. False when another one is planned, or the
   * cursor has moved. Before any table is touched: committers with different ranges could each do what the other cannot
   * follow.
   */
  plan(progress: Progress, to: number): Promise<boolean>;
  /**
   * Moves the cursor, and with it in one transaction: the batches become applied, mart partitions are touched, the
   * message is in the outbox, and what events looked like is in the history. False, and nothing changed, when the cursor is not where it was read: another was faster.
   */
  advance(commit: Commit): Promise<boolean>;
  /** By mart, at most `limit` partitions each; those that are frozen are never among them, see retention/port.ts. */
  stale(marts: readonly string[], limit: number): Promise<{ cursor: number; marts: ReadonlyMap<string, Staleness> }>;
  /** Those of the partitions that are frozen by now. */
  frozenAmong(partitions: readonly MartPartition[]): Promise<MartPartition[]>;
  /**
   * Has partitions built again though no new batch touched them. Whoever found them stale before has not done it: what is
   * built from an earlier state leaves them stale.
   *
   * @param number up to which all is committed, for partitions that nothing touched yet
   */
  again(partitions: readonly MartPartition[], number: number): Promise<void>;
  /** Partitions were rebuilt from everything up to `number`. A later touch keeps them stale; built never falls. */
  built(partitions: readonly BuiltPartition[], number: number, message: OutboxEntry): Promise<void>;
  /** Puts messages of no database change into the outbox. */
  announce(...messages: readonly OutboxEntry[]): Promise<void>;
  /** The contract index up to which publications are in the audit. */
  contractsTold(): Promise<number>;
  /**
   * Moves that index, and puts what is told into the outbox, in one transaction. False, and nothing changed, when it is
   * not at `from`: another was faster.
   */
  tellContracts(from: number, to: number, messages: readonly OutboxEntry[]): Promise<boolean>;
  /** Forgets which batch had which number, beyond the newest `keep` applied ones. */
  prune(keep: number): Promise<number>;
}
