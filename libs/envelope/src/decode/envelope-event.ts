import type { Decoded, DecodeOptions, InboundHeaders } from '../envelope';
import { Checks } from './checks';
import { finish, isObject, item } from './context';
import { Item, type JsonObject } from './item';

/**
 * Members of an envelope. In a flat event all others are the payload; beside a `payload` they are kept as attributes.
 * `ingest_time` is given by the accepting side: a producer's own is kept as an attribute.
 */
const ENVELOPE_MEMBERS = new Set([
  'event_id',
  'event_type',
  'event_version',
  'event_time',
  'producer_time',
  'source',
  'trace_id',
  'tenant_id',
  'subject',
  'payload',
  'ingest_time',
  'attributes',
]);

/** Reads the parsed item as an envelope, or, without a `payload`, as a flat event. `extra` is a ready attribute member. */
export function decodeEnvelopeEvent(
  event: JsonObject,
  headers: InboundHeaders,
  options: DecodeOptions,
  extra?: ExtraAttribute,
): Decoded {
  const checks = new Checks();
  const eventType = checks.eventType(event.event_type, '$.event_type');
  const eventId = checks.eventId(event.event_id, '$.event_id');
  const eventVersion = checks.eventVersion(event.event_version, '$.event_version');
  const eventTime = checks.time(event.event_time, '$.event_time');
  const producerTime = checks.time(event.producer_time, '$.producer_time');
  const source = checks.name(event.source, '$.source');
  const traceId = checks.name(event.trace_id, '$.trace_id');
  const tenant = checks.name(event.tenant_id, '$.tenant_id');
  const subject = checks.name(event.subject, '$.subject');
  const flat = event.payload === undefined;
  const body = flat ? flatPayload(event, checks) : nestedPayload(event, checks);
  return finish(
    {
      eventId,
      eventType,
      eventVersion,
      eventTime,
      producerTime,
      source,
      traceId,
      subject,
      payload: body.payload,
      payloadJson: body.json,
      payloadPath: flat ? '$' : '$.payload',
      attributesJson: attributesOf(event, flat, tenant === headers.tenant ? null : tenant, extra, checks),
      timestamp: flat ? event.timestamp : undefined,
    },
    checks,
    headers,
    options,
  );
}

interface Payload {
  readonly payload: unknown;
  readonly json: string;
}

const NO_PAYLOAD: Payload = { payload: null, json: 'null' };

function nestedPayload(event: JsonObject, checks: Checks): Payload {
  const payload = event.payload;
  if (isObject(payload)) return { payload, json: item.rawValue(item.indexOf('payload')) };
  if (payload === null) checks.fail('missing_payload', 'an event has a payload; this one is null', '$.payload');
  else checks.fail('invalid_payload', undefined, '$.payload');
  return NO_PAYLOAD;
}

function flatPayload(event: JsonObject, checks: Checks): Payload {
  const payload: Record<string, unknown> = {};
  let json = '';
  for (let m = 0; m < item.scanner.topCount; m++) {
    const name = item.nameOf(m);
    if (ENVELOPE_MEMBERS.has(name)) continue;
    payload[name] = event[name];
    json += `${json === '' ? '' : ','}${item.rawMember(m)}`;
  }
  if (json !== '') return { payload, json: `{${json}}` };
  checks.fail('missing_payload', 'an event has a payload, or members of its own beside those of the envelope', '$');
  return NO_PAYLOAD;
}

/** A ready member of the attributes: a name, and its value as JSON on one line. */
export type ExtraAttribute = readonly [name: string, json: string];

/**
 * What the envelope has no column for: the members of `attributes`, then those beside `payload` that are no envelope's,
 * then a tenant that the producer names and its principal does not have.
 */
function attributesOf(
  event: JsonObject,
  flat: boolean,
  tenant: string | null,
  extra: ExtraAttribute | undefined,
  checks: Checks,
): string | null {
  const others = othersOf(event, flat);
  const given = event.attributes ?? null;
  if (others === null && given === null && extra === undefined) {
    return tenant === null ? null : `{"tenant_id":${JSON.stringify(tenant)}}`;
  }
  const members = new Map<string, string>();
  if (extra) members.set(extra[0], `"${extra[0]}":${extra[1]}`);
  const add = (name: string, member: string): void => {
    if (members.has(name))
      checks.fail('duplicate_key', 'attributes and the members beside them have different names', '$');
    members.set(name, member);
  };
  if (given !== null && !isObject(given)) checks.fail('invalid_member', 'attributes is an object', '$.attributes');
  else if (given !== null) for (const [name, member] of membersOf('attributes')) add(name, member);
  for (const [m, name] of others ?? []) add(name, item.rawMember(m));
  if (tenant !== null && !members.has('tenant_id')) members.set('tenant_id', `"tenant_id":${JSON.stringify(tenant)}`);
  return members.size === 0 ? null : `{${[...members.values()].join(',')}}`;
}

/** Members of a member that is an object, as they were written. */
function membersOf(name: string): [name: string, member: string][] {
  const nested = new Item();
  const m = item.indexOf(name);
  nested.parse(item.bytes.subarray(item.scanner.valueStarts[m], item.scanner.valueEnds[m]));
  return Array.from({ length: nested.scanner.topCount }, (_, n) => [nested.nameOf(n), nested.rawMember(n)]);
}

/** Members beside the payload that have no column; null where there is none, as in most events. */
function othersOf(event: JsonObject, flat: boolean): [member: number, name: string][] | null {
  if (flat && event.ingest_time === undefined) return null;
  let known = 0;
  for (const name in event) if (name !== 'ingest_time' && ENVELOPE_MEMBERS.has(name)) known++;
  if (known === item.scanner.topCount) return null;
  const others: [number, string][] = [];
  for (let m = 0; m < item.scanner.topCount; m++) {
    const name = item.nameOf(m);
    if (name === 'ingest_time' || (!flat && !ENVELOPE_MEMBERS.has(name))) others.push([m, name]);
  }
  return others;
}
