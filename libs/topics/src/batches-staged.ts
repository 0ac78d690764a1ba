import type { LakeColumn } from './lake-tables';

import type { EventProfile } from './event-profile';

/** One landed batch: published by curation-worker from its outbox, until `tables.changed` names its number. */
export interface BatchStaged {
  /** The lake's number line. A new lake has a new id. */
  readonly lineId: string;
  /** Gap-free place on the line; a consistent cut over all tables. Starts at 1. */
  readonly number: number;
  /** Written into each row as `_batch_id`; unique, not gap-free. */
  readonly batchId: number;
  readonly topic: string;
  readonly partition: string;
  /** Half-open range of the input that this batch covers; null for inputs without positions. */
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly landedAt: string;
  /** Oldest and newest accept time of the batch's records (ISO-8601), null when it holds none. */
  readonly acceptedFrom: string | null;
  readonly acceptedTo: string | null;
  readonly contractsIndex: number;
  readonly files: readonly StagedFile[];
  /** Fates by tenant, source and accept hour: the same keys as the inbound headers' counts. */
  readonly counts: readonly FateCount[];
  /** What its events looked like, as far as there was room for it: 64 KiB at most. Older releases do not say. */
  readonly profiles?: readonly EventProfile[];
  /** Events of which no profile says anything, for want of room. */
  readonly unprofiled?: number;
  /** W3C trace context of the landing, which whoever keeps the message keeps with it. */
  readonly traceparent?: string;
}

export interface StagedFile {
  /** `clean` files are Parquet for the named table; `raw` parts are JSONL.gz and belong to no table. */
  readonly kind: 'clean' | 'raw';
  /** Table id, e.g. `clean.events`, `clean.shipment_events`, `ops.fates`; for raw parts the event type. */
  readonly table: string;
  /** Storage path. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** The contract (name and version) whose columns a typed file has. */
  readonly contract?: { readonly name: string; readonly version: string };
  /** Columns of a table that no contract describes, in Delta's types: of a dimension's. */
  readonly columns?: readonly LakeColumn[];
}

/**
 * Fates of a batch. A replay takes back what an earlier batch counted as quarantined: `quarantined` is then below zero by
 * as much as `landed` and `duplicate` are above it.
 */
export interface FateCount {
  readonly tenant: string;
  readonly source: string;
  readonly hour: string;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
}
