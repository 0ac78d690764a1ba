import type { InboundHeaders } from '@millrace/topics';
import type { DimensionEntry } from '../dimensions/model';
import type { Held } from '../pipeline/dedupe';
import type { TimeDelta } from '../windows/deltas';

/**
 * The landing store: what curation knows for certain. A landing is one transaction of it, and nothing of a batch has
 * happened before that transaction commits.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - **All or nothing.** A landing's effects appear together at `commit`, or never.
 * - **One landing a range.** Of any number of landings that move a position from the same place, one commits.
 * - **One claim a key.** Of any number of landings that claim a key, one commits holding it; the others are told whose
 *   it is. A landing that meets the key of one under way waits for its end.
 * - **A gap-free line.** Committed landings have the numbers 1, 2, 3, … in the order of their commits.
 * - **Fences.** A landing commits only while its worker's epoch is alive and the line's contracts index and keys epoch
 *   are those it worked with.
 *
 * The steps of a landing are called in the order in which they are declared here, each at most once but for the last two:
 * all landings lock in one order, so no two of them can wait for each other.
 */
export interface LandingStore {
  /** Begins a transaction; it holds a connection until `commit` or `rollback`. */
  begin(): Promise<Landing>;

  line(): Promise<Line>;
  /**
   * Makes the line require at least this contracts index; landings under an older one no longer commit.
   *
   * @param windowDaysMin shortest dedupe window among the contracts; remembered before any claim is made under it
   */
  adoptContracts(index: number, windowDaysMin: number): Promise<void>;

  /** Opens an epoch for a run of a worker. */
  register(member: string): Promise<number>;
  /** False once the epoch is dead. */
  heartbeat(epoch: number): Promise<boolean>;
  /** Declares, before any such file is written, that raw files of this epoch may be in folders from this date on. */
  declareDate(epoch: number, date: string): Promise<void>;
  /** Ends an epoch: waits for its landings under way, after which none of them can commit. */
  retire(epoch: number): Promise<void>;

  /** Makes the epoch the owner of a partition and counts the takeover. `start` is for a partition never seen before. */
  take(partition: PartitionId, epoch: number, start: number): Promise<Position>;
  /** Notes that a batch of so many events is being tried. False when the position has moved or changed hands. */
  note(partition: PartitionId, epoch: number, from: number, events: number): Promise<boolean>;

  /** Identifiers for batches: unique, growing, with gaps. */
  batchIds(): Promise<{ readonly first: number; readonly count: number }>;
  /**
   * The number of a landing of unknown outcome, or null if it has not happened. Where the input has positions this waits
   * until its transaction is over; where it has none, null may become a number later.
   */
  numberOf(partition: PartitionId, batchId: number): Promise<number | null>;
  /** Those of the messages that have landed. */
  seen(topic: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;

  /** The dimensions in force, of all tenants. */
  dimensions(): Promise<readonly DimensionEntry[]>;
  dimension(tenant: string, name: string): Promise<DimensionEntry | null>;

  /** Those of the keys that are claimed, as of now. */
  held(keys: readonly string[]): Promise<ReadonlyMap<string, Held>>;
  /** Null if claims have never been pruned. */
  pruned(): Promise<PrunedClaims | null>;
}

export interface Landing {
  /** First step of inputs with positions. Anything but `moved` means: roll back. */
  movePosition(move: PositionMove): Promise<'moved' | 'passed' | 'not_owner' | 'gap'>;
  /**
   * First step of a replay: holds rows that are still there for the taking, and with them the job's place. `over` when
   * the job has ended, is another worker's, or has passed this place. What it does not return somebody else has replayed.
   */
  enterReplay(entry: ReplayEntry): Promise<ReadonlySet<number> | 'over'>;
  /** First step of inputs without positions. False when one of the messages has landed meanwhile: roll back. */
  enterInbox(topic: string, messageIds: readonly string[], batchId: number): Promise<boolean>;
  /**
   * Makes a version of a dimension the one in force. False where the one before it is not: another load was faster.
   */
  setDimension(entry: DimensionEntry): Promise<boolean>;
  /** Claims keys; returns those that others hold. The keys are distinct. */
  claim(claims: readonly Claim[], batchId: number): Promise<ReadonlyMap<string, Held>>;
  /** Tells the store that the landing is alive while it does work elsewhere. */
  keepAlive(): Promise<void>;
  /** Gives up claims of this landing whose events did not land after all. */
  release(keys: readonly string[], batchId: number): Promise<void>;
  quarantine(rows: readonly QuarantineRow[]): Promise<void>;
  /** What became of rows that the replay has entered: they leave the quarantine, or stay in it for another cause. */
  settleReplay(rows: readonly SettledRow[], batchId: number): Promise<void>;
  /** Puts aside what could not be processed: no batch has counted it, it is pending. */
  wait(rows: readonly WaitingRow[]): Promise<void>;
  /** Leaves what the landed events say about time, to be folded once by `TimeStore`. */
  tally(deltas: readonly TimeDelta[], batchId: number): Promise<void>;
  /** Again after a commit that found that the line has moved: then this row takes the place of the one before. */
  manifest(row: ManifestRow): Promise<void>;
  /**
   * Takes the next number and commits, in one round trip.
   * @throws LandingError; only `LANDING_UNKNOWN` leaves open whether it happened. `LANDING_LINE_MOVED` leaves it as it
   * was: if it holds under what the line requires now, another manifest may say so, and it commits again
   */
  commit(fence: Fence): Promise<{ readonly number: number }>;
  /** Undoes everything. Never rejects. Harmless after a failed `commit`. */
  rollback(): Promise<void>;
}

export interface PartitionId {
  readonly topic: string;
  readonly partition: string;
}

export interface Line {
  readonly id: string;
  /** The number that the next landing will take. */
  readonly next: number;
  readonly contractsIndex: number;
  readonly keysEpoch: number;
}

export interface Position {
  readonly next: number;
  /** Takeovers since `next` last moved. */
  readonly attempts: number;
  /** What makes landings fail lies before this offset; null while nothing is suspected. */
  readonly suspectTo: number | null;
}

export interface PositionMove extends PartitionId {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly acceptedTo: string | null;
}

export interface Claim {
  /** 32 hex digits. */
  readonly key: string;
  /** 16 hex digits. */
  readonly fingerprint: string;
  /** The claim is kept for this many days from now, or from the event's own day where that is later. */
  readonly windowDays: number;
  /** Day of the event's time, in days since 1970-01-01. */
  readonly eventDay: number;
}

/** Claims may be missing of events whose day lies more than `windowDaysMin` days before `to`. */
export interface PrunedClaims {
  /** `YYYY-MM-DD`. */
  readonly to: string;
  readonly windowDaysMin: number;
}

export interface QuarantineRow {
  readonly groupId: string;
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  /** What the group has in common: rule and path without the item's particulars. */
  readonly groupRule: string;
  readonly groupPath: string;
  readonly groupEventType: string | null;
  readonly contract: string | null;
  readonly contractVersion: string | null;
  readonly eventType: string | null;
  readonly eventId: string | null;
  readonly tenant: string;
  readonly source: string;
  readonly acceptedAt: string;
  readonly topic: string;
  readonly partition: string;
  readonly offset: number | null;
  readonly attempts: number;
  readonly batchId: number;
  readonly rawPart: string;
  readonly rawLine: number;
  readonly headers: InboundHeaders;
  readonly ingestionId: string;
  readonly raw: Buffer;
  /** Key that `raw` and the headers are sealed under (quarantine/sealed-item.ts); null for a row in clear. */
  readonly sealedBy: string | null;
}

/** Where a replay takes its rows from. */
export interface ReplayEntry {
  /** `quarantine`: open rows, which keep their place there; `waiting`: events to be tried again, which leave that table. */
  readonly from: 'quarantine' | 'waiting';
  readonly ids: readonly number[];
  /** The job that they are replayed for, which moves from row `after` to row `upTo`. */
  readonly job: { readonly id: string; readonly epoch: number; readonly after: number; readonly upTo: number } | null;
  /** Of the job's rows before this batch and in it: what was left in quarantine without being landed. */
  readonly skipped?: readonly SkippedRow[];
}

/** A row that a replay leaves where it is, with what kept it from being tried. */
export interface SkippedRow {
  readonly id: number;
  readonly failure: string;
}

export interface SettledRow {
  readonly id: number;
  /** Set where it left the quarantine. */
  readonly healedAs: 'landed' | 'duplicate' | null;
  /** Set where it did not: what is wrong with it now. */
  readonly again: QuarantineCause | null;
  /** The mended version that was tried, and where its raw line is. */
  readonly mended: { readonly recipe: string; readonly part: string; readonly line: number } | null;
}

/** What is wrong with a quarantined item, and what is known of it. */
export type QuarantineCause = Pick<
  QuarantineRow,
  | 'groupId'
  | 'reason'
  | 'rule'
  | 'path'
  | 'groupRule'
  | 'groupPath'
  | 'groupEventType'
  | 'contract'
  | 'contractVersion'
  | 'eventType'
  | 'eventId'
>;

/** An item that waits to be tried again. */
export interface WaitingRow {
  readonly tenant: string;
  readonly source: string;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly acceptedAt: string;
  readonly topic: string;
  readonly partition: string;
  readonly offset: number | null;
  readonly batchId: number;
  readonly rawPart: string;
  readonly rawLine: number;
  readonly headers: InboundHeaders;
  readonly ingestionId: string;
  readonly raw: Buffer;
  readonly sealedBy: string | null;
  readonly error: string;
  /** Milliseconds from now. */
  readonly retryInMs: number;
}

export interface ManifestRow extends PartitionId {
  readonly batchId: number;
  readonly epoch: number;
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly landed: number;
  readonly duplicate: number;
  /** Below zero where a replay took more out of quarantine than it left there. */
  readonly quarantined: number;
  /** What it did by tenant and event type. */
  readonly stats: readonly TypeStats[];
  /** `batches.staged` but for number, line and time. */
  readonly message: unknown;
}

/** Fates by tenant and event type, and seconds from durable to landed of those that landed or are duplicates. */
export type TypeStats = readonly [
  tenant: string,
  eventType: string,
  landed: number,
  duplicate: number,
  quarantined: number,
  seconds: number,
];

export interface Fence {
  readonly batchId: number;
  readonly epoch: number;
  readonly contractsIndex: number;
  readonly keysEpoch: number;
}

export type LandingErrorCode =
  /** Contracts or keys have moved on: redo the batch under the new ones, if they concern it. */
  | 'LANDING_LINE_MOVED'
  /** The worker's epoch is dead: begin a new one. */
  | 'LANDING_FENCED'
  /** The connection broke during commit: ask `numberOf`. */
  | 'LANDING_UNKNOWN'
  /** The store is away, or was for a moment: the same landing may be tried again. */
  | 'LANDING_UNAVAILABLE';

export class LandingError extends Error {
  readonly canRetry: boolean;
  constructor(
    readonly code: LandingErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'LandingError';
    this.canRetry = code === 'LANDING_UNAVAILABLE';
  }
}
