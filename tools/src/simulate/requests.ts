import type { CapturedRequest } from '@millrace/ingest-gateway/simulation';
import { EVENTS_TABLE } from '@millrace/topics';
import type { SentItem } from '../checker/history';
import type { SeededRandom } from './random';
import type { Route } from './services';
import { TENANT, webhookRequest } from './webhooks';

export const SHIPMENTS_TABLE = 'clean.shipment_events';
/** Tables that are inferred for the types of events without a contract. */
export const INFERRED_TABLES = { 'page.viewed': 'clean.page_viewed', 'order.created': 'clean.order_created' } as const;

export interface Item {
  readonly sent: SentItem;
  readonly value: Buffer;
  /** Of a shipment event that keeps its contract, or is mended: what the marts are folded from. */
  readonly shipment: Readonly<Record<string, unknown>> | null;
  /** It breaks its contract as it is sent; an operator mends what was only mislaid. */
  readonly isBad?: boolean;
}

/** As the bytes of an event have it, and as the recipe leaves it. */
export const MISLAID = '"status":"mislaid"';
export const FOUND_AGAIN = '"status":"delivered"';

/** A request as it is sent, again and again if need be. */
export interface Request {
  readonly route: Route;
  readonly captured: CapturedRequest;
  readonly items: readonly Item[];
  /** Indexes of items that no answer may take. */
  readonly refused: readonly number[];
}

const STATUSES = ['created', 'picked_up', 'in_transit', 'delivered', 'exception'];
const CARRIERS = ['AA', 'DL', 'US', 'WN'];
const DAYS = ['2026-03-08', '2026-03-09', '2026-03-10', '2026-03-11'];
const JSON_TYPE = { 'content-type': 'application/json' };

/** What a request says, drawn: shipments, events without a contract, damaged ones, on one of the routes. */
export function draw(name: string, random: SeededRandom, nowMs: number): Request {
  const drawn = random.next();
  if (drawn < 0.15) return singleRequest(name, random);
  if (drawn < 0.3) return pushRequest(name, random);
  if (drawn < 0.42) return webhookRequest(name, random, nowMs);
  const items = Array.from({ length: 1 + random.below(8) }, (_, i) => item(`${name}-${i}`, random));
  const keyed: Record<string, string> = random.chance(0.3) ? { 'idempotency-key': name } : {};
  const ndjson = random.chance(0.5);
  const body = ndjson
    ? items.map(({ value }) => value.toString()).join('\n')
    : `[${items.map(({ value }) => value.toString()).join(',')}]`;
  // Text that is no JSON can be an item of lines only.
  const lines = ndjson || items.some(({ sent }) => sent.key.startsWith('torn'));
  const headers = lines ? { 'content-type': 'application/x-ndjson' } : JSON_TYPE;
  const text = lines ? items.map(({ value }) => value.toString()).join('\n') : body;
  const strict = random.chance(0.25);
  return {
    ...{ route: 'batch', items },
    refused: strict ? items.flatMap(({ isBad }, i) => (isBad ? [i] : [])) : [],
    captured: captured(Buffer.from(text), { ...headers, ...keyed }, strict ? { strict: 'true' } : {}),
  };
}

function captured(
  body: Buffer,
  headers: Record<string, string>,
  query: CapturedRequest['query'] = {},
): CapturedRequest {
  return { headers, query, params: {}, body, tenant: TENANT };
}

/** `POST /events` makes an event of each request, so it is sent under a key. */
function singleRequest(name: string, random: SeededRandom): Request {
  const payload = { k: name, n: random.below(1_000) };
  const value = Buffer.from(JSON.stringify({ eventType: 'order.created', payload }));
  const sent: SentItem = {
    ...{ key: name, hash: JSON.stringify(payload), bytes: value.toString() },
    ...{ fate: 'landed', tables: [EVENTS_TABLE, INFERRED_TABLES['order.created']] },
  };
  return {
    route: 'single',
    items: [{ sent, value, shipment: null }],
    refused: [],
    captured: captured(value, { ...JSON_TYPE, 'idempotency-key': name }),
  };
}

function pushRequest(name: string, random: SeededRandom): Request {
  const one = item(name, random, false);
  const data = one.value.toString('base64');
  const message = { data, messageId: name, attributes: {}, publishTime: '2026-03-10T12:00:00Z' };
  const body = Buffer.from(JSON.stringify({ message, subscription: 's' }));
  return { route: 'push', items: [one], refused: [], captured: captured(body, JSON_TYPE) };
}

function item(name: string, random: SeededRandom, mayBeTorn = true): Item {
  const drawn = random.next();
  if (drawn < 0.06 && mayBeTorn) {
    const key = `torn-${name}`;
    const text = `{"event_id":"${key}","payload":{"k":"${key}"`;
    return {
      sent: { key, hash: text, bytes: text, fate: 'quarantined' },
      value: Buffer.from(text),
      shipment: null,
      isBad: true,
    };
  }
  if (drawn < 0.25) return other(name, random);
  return shipment(name, random, drawn < 0.29 ? 'teleported' : drawn < 0.34 ? 'mislaid' : null);
}

/** An event of a type without a contract. */
function other(name: string, random: SeededRandom): Item {
  const payload = { k: name, n: random.below(1_000) };
  const event = {
    event_id: name,
    event_type: 'page.viewed',
    // Some are later than is allowed without a contract.
    event_time: random.chance(0.3) ? '2026-03-08T11:00:00Z' : '2026-03-10T11:00:00Z',
    source: 'web',
    payload,
  };
  const text = JSON.stringify(event);
  const sent: SentItem = {
    ...{ key: name, hash: JSON.stringify(payload), bytes: text },
    ...{ fate: 'landed', tables: [EVENTS_TABLE, INFERRED_TABLES['page.viewed']] },
  };
  return { sent, value: Buffer.from(text), shipment: null };
}

/** @param bad a status that no contract knows; null for one that it does */
function shipment(name: string, random: SeededRandom, bad: 'teleported' | 'mislaid' | null): Item {
  const day = random.pick(DAYS);
  const payload = {
    k: name,
    shipment_id: `s-${random.below(40)}-${day}`,
    status: bad ?? random.pick(STATUSES),
    service_date: day,
    carrier_code: random.pick(CARRIERS),
    facility_id: random.pick(['EWR', 'LGA', 'JFK']),
    lane: 'EWR-CLT',
    distance_miles: 100 + random.below(900),
    planned_pickup: `${day}T10:00:00.000Z`,
    eta: `${day}T14:00:00.000Z`,
  };
  const envelope = {
    event_id: name,
    event_type: 'shipment.status.changed',
    event_version: 1,
    event_time: `${day}T${String(8 + random.below(10)).padStart(2, '0')}:${String(random.below(60)).padStart(2, '0')}:00.000Z`,
    source: 'carrier',
  };
  const text = JSON.stringify({ ...envelope, payload });
  // What is mended lands as the recipe leaves it.
  const landed = { ...payload, status: bad === 'mislaid' ? 'delivered' : payload.status };
  const sent: SentItem = {
    ...{ key: name, hash: JSON.stringify(landed), bytes: text },
    ...{ fate: bad === 'teleported' ? 'quarantined' : 'landed', tables: [EVENTS_TABLE, SHIPMENTS_TABLE] },
  };
  const row = bad === 'teleported' ? null : { ...landed, ...envelope, tenant_id: TENANT };
  return { sent, value: Buffer.from(text), shipment: row, isBad: bad !== null };
}

/** Under which an item is known, wherever its bytes are found. */
export const keyIn = (bytes: string): string | null => /"k":"([^"]+)"/.exec(bytes)?.[1] ?? null;
