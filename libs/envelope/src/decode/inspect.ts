import { decodeHeaderValue } from '../cloudevents/header-value';
import type { InboundHeaders, Refusal } from '../envelope';
import { Checks } from './checks';
import { checkEventsApi } from './events-api';
import { BAD_ATTRIBUTES, headerAttributes, isObject, item } from './context';
import { EVENT_ID_CHARS_MAX, EVENT_TYPE_CHARS_MAX } from '../limits';
import { refusal } from '../refusal';
import { webhookEventType } from './webhook';

export type Inspected =
  | { readonly ok: true; readonly eventType: string | null; readonly eventId: string | null }
  | { readonly ok: false; readonly refusal: Refusal };

export type InspectHeaders = Pick<InboundHeaders, 'format' | 'attributes' | 'contenttype' | 'id'>;

const PLAIN_EVENT: InspectHeaders = { format: 'event' };

/**
 * The light check at the door: are these bytes UTF-8, JSON within the limits, an object, and do they name a type? A value
 * that passes may still be refused by `decode` (a time that does not exist, a repeated key); one that is refused here is
 * refused there for the same reason. `eventId` is null where the event brings none; see `contentIdOfItem`.
 *
 * `events-api` bodies are checked in full, since the API answers for them at once. The type of a binary CloudEvent is in
 * its headers; its data is not looked at.
 */
export function inspect(value: Buffer, headers: InspectHeaders = PLAIN_EVENT): Inspected {
  switch (headers.format) {
    case 'events-api':
      return inspectEventsApi(value, headers);
    case 'ce-binary':
      return inspectBinary(value, headers);
    case 'webhook':
      return inspectWebhook(value, headers);
    case 'pubsub':
      return headerAttributes(headers)?.['ce-specversion'] === undefined
        ? inspectEvent(value)
        : inspectBinary(value, headers);
    case 'event':
      return inspectEvent(value, /^application\/cloudevents\+json/i.test(headers.contenttype ?? ''));
  }
}

/** Whether `inspect` lets an item pass: for those who ask no more, at less cost for events as they usually are. */
export function isSound(value: Buffer, headers: InspectHeaders = PLAIN_EVENT): boolean {
  return (headers.format === 'event' && isPlainEvent(value)) || inspect(value, headers).ok;
}

/** Whether an event is beyond doubt; false says nothing. */
function isPlainEvent(value: Buffer): boolean {
  if (item.scan(value) !== null || item.scanner.kind !== 'object') return false;
  const type = item.indexOf('event_type');
  if (type < 0 || !item.isPlainAt(type, EVENT_TYPE_CHARS_MAX)) return false;
  const id = item.indexOf('event_id');
  return id < 0 || item.isPlainAt(id, EVENT_ID_CHARS_MAX);
}

/**
 * The id that `decode` would give an event that brings none: the content id of its JSON. Null where the bytes are refused.
 */
export function contentIdOfItem(value: Buffer): string | null {
  return item.parse(value) === null ? item.contentId() : null;
}

function inspectEvent(value: Buffer, structured = false): Inspected {
  const reason = item.scan(value);
  if (reason) return { ok: false, refusal: reason };
  if (item.scanner.kind !== 'object') return { ok: false, refusal: refusal('not_an_object') };
  const typeMember = structured ? -1 : item.indexOf('event_type');
  const cloudEvent = structured || (typeMember < 0 && item.indexOf('specversion') >= 0);
  const checks = new Checks();
  const typePath = cloudEvent ? '$.type' : '$.event_type';
  const eventType = checks.eventType(memberValue(cloudEvent ? item.indexOf('type') : typeMember), typePath);
  const idMember = item.indexOf(cloudEvent ? 'id' : 'event_id');
  const eventId = checks.eventId(memberValue(idMember), cloudEvent ? '$.id' : '$.event_id');
  return checks.refusal ? { ok: false, refusal: checks.refusal } : { ok: true, eventType, eventId };
}

/** Undefined where there is no such member; numbers and containers are read too, so that the check names what is wrong. */
function memberValue(member: number): unknown {
  if (member < 0) return undefined;
  const { scanner, bytes } = item;
  if (bytes[scanner.valueStarts[member]] === 0x22) return item.stringAt(member);
  return JSON.parse(bytes.toString('utf8', scanner.valueStarts[member], scanner.valueEnds[member]));
}

function inspectEventsApi(value: Buffer, headers: InspectHeaders): Inspected {
  const reason = item.parse(value);
  if (reason) return { ok: false, refusal: reason };
  if (!isObject(item.value)) return { ok: false, refusal: refusal('not_an_object') };
  const checks = new Checks();
  const eventType = checkEventsApi(item.value, checks);
  return checks.refusal ? { ok: false, refusal: checks.refusal } : { ok: true, eventType, eventId: headers.id ?? null };
}

function inspectBinary(value: Buffer, headers: InspectHeaders): Inspected {
  const attributes = headerAttributes(headers);
  if (attributes === null) return { ok: false, refusal: BAD_ATTRIBUTES };
  const tooLarge = item.takeOpaque(value);
  if (tooLarge) return { ok: false, refusal: tooLarge };
  const read = (name: string): string | null => {
    const text = attributes[`ce-${name}`];
    if (typeof text !== 'string') return null;
    return headers.format === 'pubsub' ? text : decodeHeaderValue(text);
  };
  const checks = new Checks();
  const eventType = checks.eventType(read('type'), '$.type');
  const eventId = checks.eventId(read('id'), '$.id');
  return checks.refusal ? { ok: false, refusal: checks.refusal } : { ok: true, eventType, eventId };
}

function inspectWebhook(value: Buffer, headers: InspectHeaders): Inspected {
  const attributes = headerAttributes(headers);
  if (attributes === null) return { ok: false, refusal: BAD_ATTRIBUTES };
  const reason = item.parse(value);
  if (reason) return { ok: false, refusal: reason };
  const checks = new Checks();
  const eventType = checks.eventType(webhookEventType(attributes, item.value), '$');
  const eventId = checks.eventId(attributes.id, '$');
  return checks.refusal ? { ok: false, refusal: checks.refusal } : { ok: true, eventType, eventId };
}
