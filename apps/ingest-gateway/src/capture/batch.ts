import { decode, type Decoded, inspect, type Refusal, splitJsonArray, splitNdjson } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import type { InboundHeaders } from '@millrace/topics';
import { type CaptureDeps, createReception, problemOf, type Reception, refused, store } from './capture';
import type { CapturedItem } from './group-commit';
import { type Answer, type CapturedRequest, mediaType } from './http';
import { BATCH_ITEMS_MAX, EVENT_BYTES_MAX } from './limits';
import { binaryCloudEvent } from './cloudevent-binary';

/** What the contract says of an item at once, for `?strict=true`: null when nothing is wrong. */
export type StrictCheck = (decoded: Decoded) => Refusal | null;

export interface BatchDeps extends CaptureDeps {
  /** Rejects with a 503 while contracts are not known yet. */
  readonly strictCheck: () => Promise<StrictCheck>;
}

interface ItemReceipt {
  readonly index: number;
  readonly eventId: string | null;
  readonly status: 'accepted' | 'quarantined' | 'refused';
  readonly error?: { path: string; rule: string; detail: string };
}

/** Items of a request and how each is to be read, or that the request is none. */
interface Request {
  readonly items: readonly Buffer[];
  readonly reception: Reception;
}

/**
 * `POST /v1/events`: one event or many, in every content type of API.md.
 *
 * Whatever is in a well-formed request is kept: an item that cannot be an event goes into the log too, is reported
 * here, and lands in quarantine. Under `?strict=true` items that are no events, or break their contract, are refused
 * instead and not kept.
 */
export function createBatchHandler(deps: BatchDeps): (request: CapturedRequest) => Promise<Answer> {
  const receive = createReception(deps.now);
  return async (request) => {
    const { items, reception } = read(request);
    const headers = receive(request, reception);
    const options = { receipts: request.query.receipts === 'all', strict: request.query.strict === 'true' };
    if (options.strict) return strict(deps, items, headers, options.receipts);
    const captured = items.map((value) => ({ headers, value }));
    const receipts = quickReceipts(captured, headers, options.receipts);
    await store(deps, captured);
    return { status: 202, body: summarize(receipts, items.length, options.receipts) };
  };
}

function read(request: CapturedRequest): Request {
  const type = mediaType(request);
  const single = { format: 'event', source: 'http' } as const;
  const binary = binaryCloudEvent(request);
  if (binary) return binary;
  switch (type) {
    case 'application/json':
      return { items: firstByte(request.body) === '[' ? split(request.body) : [wholeDocument(request.body)], reception: single };
    case 'application/cloudevents+json':
      return { items: [wholeDocument(request.body)], reception: single };
    case 'application/cloudevents-batch+json':
      return { items: split(request.body), reception: single };
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      return { items: itemsOf(splitNdjson(request.body, { itemsMax: BATCH_ITEMS_MAX })), reception: single };
    default: {
      const detail = `Events come as ${ACCEPTED.join(', ')}, or as binary CloudEvents (ce-* headers)${type ? `; this is ${type}` : ''}.`;
      throw new ProblemException(415, { detail, errors: [{ path: 'header.content-type', rule: 'media_type', detail }] }, { accept: ACCEPTED.join(', ') });
    }
  }
}

const ACCEPTED = ['application/json', 'application/x-ndjson', 'application/cloudevents+json', 'application/cloudevents-batch+json'];

function split(body: Buffer): readonly Buffer[] {
  return itemsOf(splitJsonArray(body, { itemsMax: BATCH_ITEMS_MAX }));
}

function itemsOf(result: ReturnType<typeof splitNdjson>): readonly Buffer[] {
  if (result.refusal) throw refused(result.refusal);
  return result.items;
}

/** A body that is one JSON document: when it is no JSON, or too large for an event, the request is none. */
function wholeDocument(body: Buffer): Buffer {
  if (body.length > EVENT_BYTES_MAX) throw refused({ reason: 'item_too_large', rule: `an event has at most ${EVENT_BYTES_MAX} bytes`, path: '$' });
  const seen = inspect(body);
  if (!seen.ok && (seen.refusal.reason === 'invalid_json' || seen.refusal.reason === 'invalid_utf8')) throw refused(seen.refusal);
  return body;
}

function firstByte(body: Buffer): string {
  for (const byte of body) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return String.fromCharCode(byte);
  return '';
}

/** Receipts of the items that are no events, or of all. Content ids are worked out only where they are asked for. */
function quickReceipts(items: readonly CapturedItem[], headers: InboundHeaders, all: boolean): ItemReceipt[] {
  const receipts: ItemReceipt[] = [];
  for (let index = 0; index < items.length; index++) {
    const { value } = items[index];
    if (all || headers.format !== 'event') receipts.push(receiptOf(decode(value, headers), index));
    else {
      const seen = inspect(value);
      if (!seen.ok) receipts.push({ index, eventId: null, status: 'quarantined', error: problemOf(seen.refusal) });
    }
  }
  return all ? receipts : receipts.filter((receipt) => receipt.status !== 'accepted');
}

function receiptOf(decoded: Decoded, index: number): ItemReceipt {
  if (decoded.ok) return { index, eventId: decoded.envelope.eventId, status: 'accepted' };
  return { index, eventId: decoded.eventId, status: 'quarantined', error: problemOf(decoded.refusal) };
}

function summarize(receipts: readonly ItemReceipt[], count: number, all: boolean): unknown {
  const quarantined = receipts.filter((receipt) => receipt.status !== 'accepted').length;
  return { accepted: count - quarantined, quarantined, items: all ? receipts : receipts.filter((r) => r.status !== 'accepted') };
}

async function strict(deps: BatchDeps, items: readonly Buffer[], headers: InboundHeaders & Record<string, string>, all: boolean): Promise<Answer> {
  const check = await deps.strictCheck();
  const kept: CapturedItem[] = [];
  const receipts: ItemReceipt[] = [];
  items.forEach((value, index) => {
    const decoded = decode(value, headers);
    const fault = decoded.ok ? check(decoded) : decoded.refusal;
    if (fault) {
      const eventId = decoded.ok ? decoded.envelope.eventId : decoded.eventId;
      receipts.push({ index, eventId, status: 'refused', error: problemOf(fault) });
    } else {
      kept.push({ headers, value });
      receipts.push(receiptOf(decoded, index));
    }
  });
  const bad = receipts.filter((receipt) => receipt.status === 'refused');
  if (bad.length > 0 && kept.length === 0) {
    const errors = bad.map(({ index, error }) => ({ ...(error as NonNullable<typeof error>), path: `[${index}]${error?.path.slice(1) ?? ''}` }));
    throw new ProblemException(400, { detail: 'No item of this request keeps its contract. Nothing was taken.', errors: errors.slice(0, ERRORS_MAX) });
  }
  await store(deps, kept);
  const body = { accepted: kept.length, quarantined: 0, refused: bad.length, items: all ? receipts : bad };
  return { status: bad.length > 0 ? 207 : 202, body };
}

/** Errors in one problem, at most: the answer to 10,000 bad items is to be read by a person. */
const ERRORS_MAX = 100;

