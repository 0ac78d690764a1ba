/**
 * The messaging port: a durable, partitioned log of record batches.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - **Durable append.** `append` resolves only after the batch survives kill -9 of this process and of the engine.
 *   A rejected append with `MESSAGING_UNKNOWN` may have happened: repeat it under the same `appendId`, which an engine
 *   with idempotent appends stores once.
 * - **At least once.** Every record reaches every registered group at least once. Nothing is trimmed that a registered
 *   group has not acknowledged; a log that may not grow refuses appends (`MESSAGING_FULL`).
 * - **Order within a partition** for engines with positions; consumers must not depend on it.
 * - **Opaque positions.** Where an engine has offsets they are gap-free per partition; where it has none (Pub/Sub),
 *   `range` is null and records carry a `messageId`.
 * - **Leases give liveness only.** Two members may believe for a moment that they own a partition: correctness
 *   belongs to the consumer's own epoch.
 * - **Positions are never reset.** A position that the log does not hold, before its start or beyond its end, stops
 *   that partition of that subscription with `MESSAGING_POSITION_LOST`; the other partitions go on.
 */

/** Header maps may be shared between records: engines encode each distinct object once. */
export type Headers = Readonly<Record<string, string>>;

export interface LogRecord {
  /** Records with equal keys reach one partition in append order. Null: any partition. */
  readonly key?: string | null;
  readonly headers: Headers;
  readonly value: Buffer;
}

/** How many items of one tenant and source were accepted in one hour. */
export interface CountRow {
  readonly tenant: string;
  readonly source: string;
  /** Start of the hour, ISO-8601 UTC, e.g. `2026-11-21T09:00:00.000Z`. */
  readonly hour: string;
  readonly count: number;
}

export interface BatchHeader {
  /** UUID. Appending twice under one id stores one batch, for as long as the engine still holds it. */
  readonly appendId: string;
  /**
   * Who appended, and its how-manieth batch to this partition: a gap is alarmed by the reader that counts.
   * Like `counts`, only for a batch whose records all go to one partition.
   */
  readonly producer?: { readonly incarnation: string; readonly sequence: number };
  /** Sums to the number of records. */
  readonly counts?: readonly CountRow[];
  /** W3C trace context of the append. */
  readonly traceparent?: string;
}

export interface RecordBatch {
  readonly header: BatchHeader;
  readonly records: readonly LogRecord[];
}

export interface Appended {
  readonly partition: string;
  /** Offset of the first record, or null where the engine has no positions. */
  readonly base: number | null;
  readonly count: number;
}

export interface DeliveredRecord extends LogRecord {
  readonly offset: number | null;
  readonly messageId?: string;
}

/** A stored batch, or the part of it that lies in the delivery's range. */
export interface DeliveredBatch {
  readonly header: BatchHeader;
  /** The engine's clock when it was appended. */
  readonly appendedAt: Date;
  readonly base: number | null;
  /** All records of the stored batch, also those outside this delivery. */
  readonly size: number;
  /** Empty under `headersOnly`. */
  readonly records: readonly DeliveredRecord[];
}

/** A contiguous run of records of one partition. */
export interface Delivery {
  readonly topic: string;
  readonly partition: string;
  /** Half-open `[from, to)`, or null where the engine has no positions. */
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly batches: readonly DeliveredBatch[];
  readonly count: number;
  /** How often the partition was taken over from a lapsed owner with the position where it is now. */
  readonly attempts: number;
  /** Aborted once this member no longer owns the partition. */
  readonly signal: AbortSignal;
  /**
   * Lets the group's position pass this delivery; resolves once that is durable. Acknowledge in order; a later one
   * covers earlier ones. Does nothing if `signal` is aborted or the delivery was handed back by a `nack`.
   */
  ack(): Promise<void>;
  /**
   * Hands the delivery back: it, and whatever of the partition was read after it, is delivered again, after `delayMs`
   * (default 0). Nothing of the partition is delivered meanwhile.
   */
  nack(delayMs?: number): Promise<void>;
}

export interface SubscribeOptions {
  readonly topic: string;
  /** Null: an ephemeral reader of what is appended from now on, with nothing to acknowledge (used for wake-ups). */
  readonly group: string | null;
  /** Where a new group begins. Default `earliest`. */
  readonly from?: 'earliest' | 'latest';
  /** Deliver batch headers without their records. */
  readonly headersOnly?: boolean;
  /** Records per delivery, at most (default 5,000; a delivery holds at least one record). */
  readonly eventsMax?: number;
  /** Bytes per delivery, at most, unless a single record is larger (default 16 MiB). */
  readonly bytesMax?: number;
  /** A delivery smaller than `eventsMax` waits this long for more (default 0); a function is asked each time. */
  readonly lingerMs?: number | (() => number);
  /** Unacknowledged deliveries per partition, at most (default 3). */
  readonly inFlightMax?: number;
  /**
   * Called before the first read of a partition; a number is where to start, null is the group's own position.
   * When it rejects it is called again after a while, for as long as the partition is owned.
   */
  readonly onAssigned?: (partition: string) => Promise<number | null>;
  readonly onRevoked?: (partition: string) => void;
}

export interface Subscription {
  /**
   * The next delivery; waits for one, also while the engine is away. Null once closed. Not to be called concurrently.
   * @throws MessagingError MESSAGING_POSITION_LOST, naming the partition, once for each; and whatever a stored batch
   * that cannot be read throws. That partition then rests; further calls deliver from the others.
   */
  next(): Promise<Delivery | null>;
  /** Partitions owned now. */
  partitions(): readonly string[];
  /**
   * Delivers nothing more, lets what is in flight be acknowledged for a short grace, then gives up all partitions so
   * that others take over without waiting for leases to lapse.
   */
  close(): Promise<void>;
}

export interface TopicOptions {
  readonly partitions: number;
  /** Acknowledged batches older than this are trimmed. */
  readonly retentionMs?: number;
  /**
   * Bytes of all partitions together, as appended. Acknowledged batches beyond this are trimmed, oldest first;
   * unacknowledged ones make the log refuse appends.
   */
  readonly bytesMax?: number;
}

export interface Backlog {
  /** Bytes held now, as appended. */
  readonly bytes: number;
  /** Null where the topic has no limit. */
  readonly bytesMax: number | null;
  /** By name. */
  readonly groups: readonly GroupBacklog[];
}

/** What a group has not acknowledged, over all partitions. */
export interface GroupBacklog {
  readonly group: string;
  readonly records: number;
  /** Since the oldest of them was appended; 0 where there are none. */
  readonly ageMs: number;
}

export interface Messaging {
  /** Creates the topic, or adds partitions and sets those limits that are given. Never removes partitions. */
  ensureTopic(topic: string, options: TopicOptions): Promise<void>;
  /** Registers a group so that nothing from now on is trimmed before it has read it. */
  ensureGroup(topic: string, group: string, from?: 'earliest' | 'latest'): Promise<void>;
  /**
   * Records without keys go to one partition, the one named or one picked from the append id. One result per
   * partition, ascending; none for an empty batch.
   * @throws MessagingError MESSAGING_UNAVAILABLE, MESSAGING_UNKNOWN, MESSAGING_FULL, MESSAGING_TOO_LARGE,
   * MESSAGING_NO_TOPIC or MESSAGING_CLOSED
   */
  append(topic: string, batch: RecordBatch, options?: { readonly partition?: string }): Promise<Appended[]>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** End offset (one past the last) of each partition; empty where the engine has no positions. */
  ends(topic: string): Promise<ReadonlyMap<string, number>>;
  /** The group's acknowledged position in each partition. */
  committed(topic: string, group: string): Promise<ReadonlyMap<string, number>>;
  /** How full the topic is, and how far its registered groups are behind. Empty where the engine cannot tell. */
  backlog(topic: string): Promise<Backlog>;
  /** Trims what retention allows. Returns the number of batches removed. Engines that trim themselves return 0. */
  trim(topic: string): Promise<number>;
  close(): Promise<void>;
}

export type MessagingErrorCode =
  | 'MESSAGING_UNAVAILABLE'
  | 'MESSAGING_UNKNOWN'
  | 'MESSAGING_FULL'
  | 'MESSAGING_TOO_LARGE'
  | 'MESSAGING_NO_TOPIC'
  | 'MESSAGING_POSITION_LOST'
  | 'MESSAGING_CLOSED';

/** `canRetry`: the same call may succeed later. `MESSAGING_UNKNOWN`: it may have succeeded already. */
export class MessagingError extends Error {
  readonly canRetry: boolean;
  /** Which partition of which topic, where the error is about one. */
  readonly topic?: string;
  readonly partition?: string;
  constructor(
    readonly code: MessagingErrorCode,
    message: string,
    options?: { cause?: unknown; topic?: string; partition?: string },
  ) {
    super(message, options);
    this.name = 'MessagingError';
    this.topic = options?.topic;
    this.partition = options?.partition;
    this.canRetry = code === 'MESSAGING_UNAVAILABLE' || code === 'MESSAGING_UNKNOWN' || code === 'MESSAGING_FULL';
  }
}
