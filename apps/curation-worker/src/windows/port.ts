import type { OutboxMessage } from '@millrace/messaging/outbox';
import type { LateEvents, Measures, SourceTimes, TimeDelta } from './deltas';
import type { WindowKind } from './kinds';

/**
 * What curation knows about time: windows, the lateness of sources, the ledger of late data. Landings leave deltas in
 * their own transactions (`Landing.tally`); rounds fold them, in the order of the number line, each once.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - **Once.** A round's changes appear together, with the number it came to, or never; of two rounds at once one runs.
 * - **Nothing is passed over.** `deltas` returns batches in the order of their numbers without a gap.
 */
export interface TimeStore {
  /** Runs a round in a transaction; null when another one is under way. Rolls back when `round` rejects. */
  transact<T>(round: (transaction: TimeTransaction) => Promise<T>): Promise<T | null>;
  /** Messages of rounds, to be sent. */
  readonly outbox: {
    due(limit: number): Promise<readonly OutboxMessage[]>;
    sent(messages: readonly OutboxMessage[]): Promise<void>;
  };

  /** A tenant's windows of a kind in the order of their keys, after `after`. */
  windows(question: WindowsQuestion): Promise<WindowRow[]>;
  tenantTime(tenant: string): Promise<TenantTime | null>;
  /** A tenant's late data by day, source and contract. */
  lateData(question: LateQuestion): Promise<LateEvents[]>;
  /** A tenant's sources by accept hour and source. */
  sourceTimes(question: SourcesQuestion): Promise<SourceTimes[]>;

  /** Forgets what is older than its keep; see `Keeps`. Any number of times, by any number of workers. */
  prune(keeps: Keeps): Promise<void>;
}

export interface TimeTransaction {
  readonly progress: Progress;
  /** Batches that landed after a number, in order; as many as there are, at most `limit`. */
  deltas(after: number, limit: number): Promise<LandedDeltas[]>;
  /** Those of the tenants that there are. */
  tenants(names: readonly string[]): Promise<TenantTime[]>;
  /** The first so many tenants whose names come after one, in the order of their names; from the first one on for null. */
  tenantsAfter(name: string | null, limit: number): Promise<TenantTime[]>;
  /** Those of the names that are counted by. */
  names(asked: readonly CountedName[]): Promise<CountedName[]>;
  /** How many names are counted by, of tenants and dimensions that have some. */
  nameCounts(tenants: readonly string[]): Promise<NameCount[]>;
  /** Those of the windows that there are. */
  windows(keys: readonly WindowKey[]): Promise<WindowRow[]>;
  /** Windows that were not told of as passed and that their tenant's watermark has passed, the earliest first. */
  due(watermarks: readonly Pick<TenantTime, 'tenant' | 'watermarkMs'>[], limit: number): Promise<WindowRow[]>;
  /** Windows that were not told of as passed, with changes that have not been told. */
  changed(limit: number): Promise<WindowRow[]>;
  store(changes: RoundChanges): Promise<void>;
}

export interface Progress {
  /** Deltas of batches up to here are folded. */
  readonly number: number;
  /** When windows were last told of before their watermark; 0 for never. */
  readonly earlyMs: number;
  /** The store's clock. */
  readonly nowMs: number;
}

export interface LandedDeltas {
  readonly number: number;
  readonly batchId: number;
  readonly topic: string;
  readonly partition: string;
  readonly deltas: readonly TimeDelta[];
}

/** How far event time has come in what a tenant sent by one partition of the input. */
export interface SourceProgress {
  readonly topic: string;
  readonly partition: string;
  readonly reachedMs: number;
  /** When something of it was last folded. */
  readonly seenMs: number;
}

export interface TenantTime {
  readonly tenant: string;
  readonly watermarkMs: number;
  /** Windows that ended by then are forgotten, and events in them are counted in none. */
  readonly prunedToMs: number | null;
  readonly sources: readonly SourceProgress[];
}

export type Dimension = 'type' | 'facility' | 'source';

export interface CountedName {
  readonly tenant: string;
  readonly dimension: Dimension;
  readonly name: string;
}

export interface NameCount {
  readonly tenant: string;
  readonly dimension: Dimension;
  readonly names: number;
}

/** Names are written as `names.ts` says. */
export interface WindowKey {
  readonly tenant: string;
  readonly kind: WindowKind;
  readonly startMs: number;
  readonly eventType: string;
  readonly facility: string;
}

/** How a window was last told of. */
export type Firing = 'early' | 'on_time' | 'late';

export interface WindowRow extends WindowKey, Measures {
  readonly endMs: number;
  /** Times it was told of. */
  readonly revision: number;
  readonly fired: Firing | null;
  /** There is more than was told. */
  readonly changed: boolean;
}

export interface RoundChanges {
  readonly progress: Omit<Progress, 'nowMs'>;
  /** Batches whose deltas are folded and may go. */
  readonly batchIds: readonly number[];
  readonly tenants: readonly TenantTime[];
  readonly names: readonly CountedName[];
  /** Whole rows, sorted by key. */
  readonly windows: readonly WindowRow[];
  /** To be added to what is there, sorted by key. */
  readonly sources: readonly (SourceTimes & { readonly tenant: string })[];
  readonly late: readonly (LateEvents & { readonly tenant: string })[];
  readonly messages: readonly { readonly id: string; readonly topic: string; readonly body: unknown }[];
}

export interface WindowsQuestion {
  readonly tenant: string;
  readonly kind: WindowKind;
  /** Start of the first window and of the last, both inclusive, ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Written as in keys. */
  readonly eventType?: string;
  readonly facility?: string;
  readonly after?: Pick<WindowKey, 'startMs' | 'eventType' | 'facility'>;
  readonly limit: number;
}

export interface LateQuestion {
  readonly tenant: string;
  /** `YYYY-MM-DD`, inclusive. */
  readonly from?: string;
  readonly to?: string;
  readonly source?: string;
  readonly contract?: string;
  readonly after?: Pick<LateEvents, 'day' | 'source' | 'contract'>;
  readonly limit: number;
}

export interface SourcesQuestion {
  readonly tenant: string;
  /** Accept hours, ISO-8601, from inclusive, to exclusive. */
  readonly from?: string;
  readonly to?: string;
  readonly source?: string;
  readonly after?: Pick<SourceTimes, 'hour' | 'source'>;
  readonly limit: number;
}

/** How long what is kept, ms. */
export interface Keeps {
  /** Windows, behind their tenant's watermark. One that changed within the last day stays, and all after it. */
  readonly windowsMs: number;
  /** Histories of sources, since their hour. */
  readonly sourcesMs: number;
  /** The ledger's rows, since the last event of theirs was accepted. */
  readonly lateMs: number;
}
