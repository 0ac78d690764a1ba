import type { BatchHeader, LogRecord } from '../port';

/**
 * What a log with positions offers to the subscriptions over it. Rejections of these calls are MessagingErrors;
 * `MESSAGING_UNAVAILABLE` and `MESSAGING_UNKNOWN` are tried again, others are reported to the consumer.
 */
export interface LogSource {
  readonly topic: string;
  /** End offset of every partition of the topic. */
  ends(): Promise<ReadonlyMap<number, number>>;
  /** Stored batches from the one that holds `from` on. */
  read(partition: number, from: number, limits: ReadLimits): Promise<ReadResult>;
  /** Calls back when appends or members' comings and goings are heard of; may miss some. The result ends that. */
  listen(listener: SourceListener): () => void;
}

export interface SourceListener {
  /** Partitions have grown to these ends. */
  onEnds(ends: ReadonlyMap<number, number>): void;
  /** Members of the group came, went or released partitions. */
  onGroupChanged(group: string): void;
  /** Word may have been missed: look for yourself. */
  onResumed(): void;
}

export interface ReadLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly headersOnly: boolean;
}

export interface StoredBatch {
  readonly header: BatchHeader;
  readonly appendedAt: Date;
  readonly base: number;
  readonly size: number;
  /** Null when only headers were asked for. */
  readonly records: readonly LogRecord[] | null;
}

export interface ReadResult {
  /** Contiguous; whole batches, as many as fit into the limits and at least one when there is any. */
  readonly batches: readonly StoredBatch[];
  /** Whether the limits, and not the end of the log, ended the read. */
  readonly limited: boolean;
  /** Set when the log does not hold `from`: what it holds is `[start, end)`. */
  readonly lost?: { readonly start: number; readonly end: number };
}

/** A partition as a member of a group holds it. */
export interface Held {
  readonly partition: number;
  readonly epoch: number;
}

export interface Claim extends Held {
  /** The group's position. */
  readonly position: number;
  readonly attempts: number;
}

export interface Standing {
  /** All that this member owns now. */
  readonly held: readonly Claim[];
  /** How many it should own, so that all members share fairly. */
  readonly quota: number;
}

/** One member of one group, as the engine keeps it. Time is the engine's own. */
export interface Membership {
  /**
   * Says that this member lives: renews its leases on `held`, claims free partitions up to its quota (with a new
   * epoch; a partition it owns but does not name is free too), and removes members whose time is up.
   */
  tend(held: readonly Held[]): Promise<Standing>;
  /** Moves positions forward, never back. Returns the partitions that were still owned under these epochs. */
  acknowledge(positions: readonly (Held & { readonly position: number })[]): Promise<readonly number[]>;
  /** Gives partitions up for others to claim at once. */
  release(held: readonly Held[]): Promise<void>;
  /** Gives up everything and ends the membership. */
  leave(): Promise<void>;
}
