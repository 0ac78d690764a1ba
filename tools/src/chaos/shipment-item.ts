import { createHash } from 'node:crypto';
import type { SentItem } from '../checker/history';
import type { ShipmentEvent } from '../checker/shipment-fold';

/** Whose items they are: without auth everybody is this tenant. */
export const TENANT = 'default';
export const NOTE_TYPE = 'chaos.note';
export const EVENTS = 'clean.events';
export const SHIPMENTS = 'clean.shipment_events';

const CARRIERS = new Set('9E AA AS B6 DL EV F9 FL HA MQ OO UA US VX WN YV'.split(' '));
const STATUSES = new Set(['created', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception']);

/** An item as a client knows it: its bytes, what the checker is told of it, and what a fold needs of it. */
export interface Item {
  readonly bytes: Buffer;
  readonly sent: SentItem;
  readonly shipment: ShipmentEvent | null;
}

export const sha = (bytes: Buffer | string): string =>
  createHash('sha256').update(bytes).digest('base64url').slice(0, 22);

/** Equal for JSON values that are equal, whatever the order of their members. */
export function contentHash(value: unknown): string {
  return sha(JSON.stringify(sorted(value)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

/** What an event says, for comparison: its type, its time and its payload. */
export const eventHash = (type: string, timeMs: number, payload: unknown): string =>
  contentHash([type, timeMs, payload]);

const PERSONAL = ['phone', 'email'] as const;

/** A payload with one word for each classified value that is what it should be: those of a table are tokens. */
export function withoutPersonal(
  payload: Record<string, unknown>,
  asItShouldBe: (value: string) => boolean,
): Record<string, unknown> {
  const driver = payload['driver'] as Record<string, unknown> | null | undefined;
  if (!driver) return payload;
  const hidden = PERSONAL.filter((name) => typeof driver[name] === 'string' && asItShouldBe(driver[name]));
  return { ...payload, driver: { ...driver, ...Object.fromEntries(hidden.map((name) => [name, 'a token'])) } };
}

export const isToken = (value: string): boolean => /^tok_s[0-9a-z]+_[A-Za-z0-9_-]{22}$/.test(value);

/** Told by the data set's own kinds of damage, not by the product's validator; damaged bytes are their own identity. */
export function itemOf(bytes: Buffer): Item {
  const event = parsed(bytes);
  const shipment = event && shipmentOf(event);
  if (!event || !shipment) {
    return {
      bytes,
      sent: { key: `damaged/${sha(bytes)}`, hash: '', bytes: sha(bytes), fate: 'quarantined' },
      shipment: null,
    };
  }
  const hash = eventHash(
    event.event_type,
    shipment.eventTimeMs,
    withoutPersonal(event.payload, () => true),
  );
  const key = shipmentKey(shipment.source, shipment.eventId);
  return { bytes, sent: { key, hash, bytes: sha(bytes), fate: 'landed' }, shipment };
}

export const shipmentKey = (source: string, eventId: string): string => `${source}/${eventId}`;

interface Wire {
  readonly event_id: string;
  readonly event_type: string;
  readonly event_time: string;
  readonly source: string;
  readonly payload: Record<string, unknown>;
}

function parsed(bytes: Buffer): Wire | null {
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd')) return null;
  try {
    return JSON.parse(text) as Wire | null;
  } catch {
    return null;
  }
}

function shipmentOf({ event_id, event_time, source, payload: p }: Wire): ShipmentEvent | null {
  if (typeof p !== 'object' || p === null) return null;
  const eventTimeMs = Date.parse(event_time);
  const good =
    typeof p['shipment_id'] === 'string' &&
    STATUSES.has(p['status'] as string) &&
    CARRIERS.has(p['carrier_code'] as string) &&
    typeof p['distance_miles'] === 'number' &&
    eventTimeMs > 0;
  if (!good) return null;
  return {
    ...{ tenantId: TENANT, eventId: event_id, eventTimeMs, source },
    shipmentId: p['shipment_id'] as string,
    status: p['status'] as string,
    serviceDate: p['service_date'] as string,
    carrierCode: p['carrier_code'] as string,
    facilityId: p['facility_id'] as string,
    lane: p['lane'] as string,
    distanceMiles: p['distance_miles'] as number,
    plannedPickupMs: Date.parse(p['planned_pickup'] as string),
    etaMs: Date.parse(p['eta'] as string),
    driverId: (p['driver'] as { driver_id: string } | null)?.driver_id ?? null,
  };
}

/** A note through `POST /events`: its payload names it, for its id is made by the service. */
export function noteOf(id: string): Item {
  const payload = { note: id, text: `note ${id} — ünïcode` };
  const bytes = Buffer.from(JSON.stringify({ eventType: NOTE_TYPE, payload }));
  const sent = {
    key: noteKey(id),
    hash: contentHash([NOTE_TYPE, payload]),
    bytes: sha(bytes),
    fate: 'landed',
    tables: [EVENTS],
  } as const;
  return { bytes, sent, shipment: null };
}

export const noteKey = (id: string): string => `note/${id}`;
