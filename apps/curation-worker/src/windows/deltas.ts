import type { Histogram } from './buckets';

/**
 * What the landed events of one batch and tenant say about time. It is stored by the landing transaction as it is, and
 * folded into windows, histograms and the ledger of late data later, once. Sums of sums: how events were cut into
 * batches, and in which order these landed, changes no result.
 */
export interface TimeDelta {
  readonly tenant: string;
  /** Newest event time, each counted as its own accept time at most, ms: a clock ahead of ours closes no window. */
  readonly reachedMs: number;
  readonly panes: readonly Pane[];
  readonly sources: readonly SourceTimes[];
  readonly late: readonly LateEvents[];
}

/** Events of one type and facility within one pane of event time. */
export interface Pane extends Measures {
  /** Start of the pane, ms. */
  readonly atMs: number;
  readonly eventType: string;
  readonly facility: string | null;
}

/** What is known of the events of a window. Two disjoint sets of events together have the sum. */
export interface Measures {
  readonly events: number;
  /** Accepted later than their contract allows. */
  readonly late: number;
  /** Of the event accepted latest after its time; 0 where all were ahead of it. */
  readonly latenessSecondsMax: number;
}

export const sumMeasures = (a: Measures, b: Measures): Measures => ({
  events: a.events + b.events,
  late: a.late + b.late,
  latenessSecondsMax: Math.max(a.latenessSecondsMax, b.latenessSecondsMax),
});

/** How the clocks of a source compare to ours, by accept hour. */
export interface SourceTimes {
  readonly source: string;
  /** Start of the accept hour, ISO-8601. */
  readonly hour: string;
  readonly lateness: Histogram;
  readonly skew: Histogram;
}

/** Events that were accepted later than their contract allows, by the day whose partitions they changed. */
export interface LateEvents {
  /** UTC day of the event time, `YYYY-MM-DD`. */
  readonly day: string;
  readonly source: string;
  /** Name of the contract; empty where there is none. */
  readonly contract: string;
  readonly events: number;
  readonly firstAcceptedMs: number;
  readonly lastAcceptedMs: number;
  readonly latenessSecondsMax: number;
}

export const sumLate = (a: LateEvents, b: LateEvents): LateEvents => ({
  ...a,
  events: a.events + b.events,
  firstAcceptedMs: Math.min(a.firstAcceptedMs, b.firstAcceptedMs),
  lastAcceptedMs: Math.max(a.lastAcceptedMs, b.lastAcceptedMs),
  latenessSecondsMax: Math.max(a.latenessSecondsMax, b.latenessSecondsMax),
});
