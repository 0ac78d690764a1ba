import type { DeliveredBatch } from '@millrace/messaging';
import type { Refusal } from '@millrace/envelope';
import type { InboundHeaders } from '@millrace/topics';

/** What all items of one request share: their headers and what follows from them. */
export interface Origin {
  readonly headers: InboundHeaders;
  /** Request id, else the append's id. */
  readonly ingestionId: string;
  /** Accept time, ISO-8601 UTC; the epoch's start where the header is unreadable. */
  readonly at: string;
  /** UTC date of the accept time, `YYYY-MM-DD`. */
  readonly date: string;
  /** Start of the accept hour, as in the headers' counts. */
  readonly hour: string;
  /** When it was in the log, by the log's clock, in milliseconds since 1970; its accept time where that is not known. */
  readonly durableMs: number;
  /** The items came sealed, and have been opened; the headers no longer say so. */
  readonly wasSealed?: true;
}

/** One item of a micro-batch, as it came. */
export interface Received {
  readonly origin: Origin;
  readonly value: Buffer;
  readonly offset: number | null;
  readonly messageId?: string;
  /** Set for an item that is replayed as it came: where its bytes lie in the raw zone. */
  readonly stored?: StoredAt;
  /** Of an item that is not to be read again: what is known of it. */
  readonly names?: { readonly eventId: string | null; readonly eventType: string | null };
  /** Set for an item that is replayed: the log that it came from. */
  readonly log?: { readonly topic: string; readonly partition: string };
  /** Set for a mended version of an item: which raw line it replaces. */
  readonly mends?: Mends;
  /** Why `value` is still as it was sealed. */
  readonly unopened?: Refusal;
  /** `value` and headers are as a row holds them, sealed under the key of this id, and cannot be opened any more. */
  readonly sealedBy?: string;
}

export interface StoredAt {
  readonly part: string;
  readonly line: number;
  /** The line is sealed under the key of a day, and will be unreadable once that expires. */
  readonly expires?: boolean;
}

export interface Mends extends StoredAt {
  /** `name@version`. */
  readonly recipe: string;
}

/** A stored batch that lies in the micro-batch as a whole, so that its header's counts can be checked. */
export interface WholeBatch {
  readonly counts: NonNullable<DeliveredBatch['header']['counts']>;
  /** Its items are those of the micro-batch from here on… */
  readonly start: number;
  /** …up to, not including, here. */
  readonly end: number;
}

/** A contiguous run of items of one partition, to be landed as one. */
export interface MicroBatch {
  readonly topic: string;
  readonly partition: string;
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly items: readonly Received[];
  readonly wholeBatches: readonly WholeBatch[];
}

const EPOCH = '1970-01-01T00:00:00.000Z';

/** @param ingestionId of what has no request id of its own */
export function originOf(headers: InboundHeaders, ingestionId: string, durableMs?: number): Origin {
  const ms = Date.parse(headers.at);
  const at = Number.isNaN(ms) ? EPOCH : new Date(ms).toISOString();
  return {
    headers,
    ingestionId: headers.request ?? ingestionId,
    at,
    date: at.slice(0, 10),
    hour: `${at.slice(0, 13)}:00:00.000Z`,
    durableMs: durableMs ?? Date.parse(at),
  };
}

/**
 * The items of stored batches that lie in `[from, to)`. Engines share header objects between records, so origins are
 * made once for each; a batch of which only a part lies in the range is not among the whole ones.
 */
export function receive(
  topic: string,
  partition: string,
  range: { readonly from: number; readonly to: number } | null,
  batches: readonly DeliveredBatch[],
): MicroBatch {
  const items: Received[] = [];
  const wholeBatches: WholeBatch[] = [];
  for (const batch of batches) {
    const start = items.length;
    let last: { readonly headers: object; readonly origin: Origin } | undefined;
    const origins = new Map<object, Origin>();
    for (const record of batch.records) {
      if (range && record.offset !== null && (record.offset < range.from || record.offset >= range.to)) continue;
      if (last?.headers !== record.headers) {
        const known = origins.get(record.headers);
        const origin: Origin =
          known ??
          originOf(record.headers as unknown as InboundHeaders, batch.header.appendId, batch.appendedAt.getTime());
        if (!known) origins.set(record.headers, origin);
        last = { headers: record.headers, origin };
      }
      items.push({ origin: last.origin, value: record.value, offset: record.offset, messageId: record.messageId });
    }
    if (batch.header.counts && items.length - start === batch.size) {
      wholeBatches.push({ counts: batch.header.counts, start, end: items.length });
    }
  }
  return { topic, partition, range, items, wholeBatches };
}

/** Oldest and newest accept time, or nulls for a micro-batch without items. */
export function acceptSpan(items: readonly Received[]): { from: string | null; to: string | null } {
  let from: string | null = null;
  let to: string | null = null;
  let last: Origin | null = null;
  for (const { origin } of items) {
    if (origin === last) continue;
    last = origin;
    if (from === null || origin.at < from) from = origin.at;
    if (to === null || origin.at > to) to = origin.at;
  }
  return { from, to };
}
