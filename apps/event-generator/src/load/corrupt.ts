import type { EventBody, EventType } from '../events/event';

/** Damages a good event; what comes out is one line of bytes. */
type Damage = (body: EventBody) => Buffer;

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const without = (body: EventBody, member: string): EventBody =>
  Object.fromEntries(Object.entries(body).filter(([name]) => name !== member));
const withPayload = (body: EventBody, change: (payload: EventBody) => EventBody): Buffer =>
  json({ ...body, payload: change(body['payload'] as EventBody) });

/** 30 February: well-formed, and no day. */
const NO_SUCH_TIME = '2026-02-30T12:00:00Z';

const ANY: Readonly<Record<string, Damage>> = {
  not_json: (body) => {
    const whole = json(body);
    return whole.subarray(0, Math.floor(whole.length / 2));
  },
  not_an_object: (body) => json(JSON.stringify(body)),
  invalid_utf8: (body) => Buffer.concat([json(body).subarray(0, -1), Buffer.from(',"note":"\xff"}', 'latin1')]),
  duplicate_key: (body) => Buffer.concat([json(body).subarray(0, -1), Buffer.from(',"event_type":"again"}')]),
  missing_type: (body) => json(without(body, 'event_type')),
  wrong_type: (body) => json({ ...body, event_type: 42 }),
};

const STAMPED: Readonly<Record<string, Damage>> = {
  bad_time: (body) => json({ ...body, timestamp: NO_SUCH_TIME }),
};

const ENVELOPE: Readonly<Record<string, Damage>> = {
  bad_time: (body) => json({ ...body, event_time: NO_SUCH_TIME }),
  blank_id: (body) => json({ ...body, event_id: ' ' }),
  no_payload: (body) => json({ ...body, payload: null }),
};

/** What the shipment contract alone refuses. */
const CONTRACT: Readonly<Record<string, Damage>> = {
  missing_required: (body) => withPayload(body, (payload) => without(payload, 'status')),
  wrong_member_type: (body) => withPayload(body, (payload) => ({ ...payload, distance_miles: 'far' })),
  out_of_range: (body) => withPayload(body, (payload) => ({ ...payload, geo: { lat: 123, lon: 0 } })),
  unknown_value: (body) => withPayload(body, (payload) => ({ ...payload, carrier_code: 'ZZ' })),
  bad_date: (body) => withPayload(body, (payload) => ({ ...payload, service_date: '2026-02-30' })),
};

/**
 * Kinds of damage by type of event. All of them are quarantined, whatever contracts there are: those of envelopes because
 * the item is no event, those of shipments because their contract comes with Millrace. What only a contract of the user's
 * own would refuse is not among them: nobody could say beforehand what becomes of it.
 */
export const DAMAGES: Readonly<Record<EventType, Readonly<Record<string, Damage>>>> = {
  order: ANY,
  inventory: { ...ANY, ...STAMPED },
  user_activity: { ...ANY, ...STAMPED },
  shipment: { ...ANY, ...ENVELOPE, ...CONTRACT },
  telemetry: { ...ANY, ...ENVELOPE },
};
