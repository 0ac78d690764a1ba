import { decodeBinary, decodeCeBinary, decodeStructured } from '../cloudevents/decode-cloud-event';
import { encodeHeaderValue } from '../cloudevents/header-value';
import type { Decoded, DecodeOptions, InboundHeaders } from '../envelope';
import { refusal } from '../refusal';
import { BAD_ATTRIBUTES, headerAttributes, isObject, item, refused, refusedItem, salvage } from './context';
import { decodeEnvelopeEvent } from './envelope-event';
import { decodeEventsApi } from './events-api';
import type { JsonObject } from './item';
import { decodeWebhook } from './webhook';

/**
 * One inbound record as an envelope, or the reason why it cannot be an event. Never throws for what a producer sent.
 *
 * `value` is the item exactly as it was received; nothing of it is kept, so its memory may be reused. Members that the
 * envelope has no column for are in `attributesJson`, so nothing that was sent is lost. By `headers.format`:
 *
 * - `event`: told apart by members. `event_type` with `payload` is an envelope, `event_type` alone a flat event whose own
 *   members are the payload, `specversion` a structured CloudEvent (also where the content type says so).
 * - `events-api`: `{eventType, payload, metadata?}`.
 * - `ce-binary`: data of a CloudEvent, its attributes `ce-*` in `headers.attributes`.
 * - `pubsub`: data of a Pub/Sub message, read as `event`; as `ce-binary` where its attributes are a CloudEvent's.
 * - `webhook`: any JSON; `headers.attributes` names `source`, and `id` and `type` where known.
 *
 * An event without an id has its content id. The event time is the envelope's, else the one at the contract's path, else
 * a flat event's `timestamp`, else the accept time. The tenant is the principal's, whatever the producer says.
 */
export function decode(value: Buffer, headers: InboundHeaders, options: DecodeOptions = {}): Decoded {
  switch (headers.format) {
    case 'event':
      return decodeEvent(value, headers, options);
    case 'events-api': {
      const reason = item.parse(value);
      if (reason) return refused(reason, headers.id ?? null, salvage('eventType'));
      return isObject(item.value) ? decodeEventsApi(item.value, headers, options) : notAnObject(item.value);
    }
    case 'ce-binary':
      return decodeCeBinary(value, headers, options);
    case 'pubsub':
      return decodePubsub(value, headers, options);
    case 'webhook': {
      const reason = item.parse(value);
      return reason ? refused(reason) : decodeWebhook(headers, options);
    }
    default:
      return refused(refusal('invalid_headers', `format ${String(headers.format)} is unknown`));
  }
}

function decodeEvent(value: Buffer, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const reason = item.parse(value);
  const structured = isCloudEventsType(headers.contenttype);
  if (reason) return structured ? refusedItem(reason, 'id', 'type') : refusedItem(reason, 'event_id', 'event_type');
  const event = item.value;
  if (!isObject(event)) return notAnObject(event);
  return structured || isCloudEvent(event)
    ? decodeStructured(event, headers, options)
    : decodeEnvelopeEvent(event, headers, options);
}

/** Only the message's attributes are of Pub/Sub; the data is the producer's, so ids come from it alone. */
function decodePubsub(value: Buffer, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const attributes = headerAttributes(headers);
  if (attributes === null) return refused(BAD_ATTRIBUTES);
  if (attributes['ce-specversion'] !== undefined) {
    const encoded: Record<string, string> = {};
    for (const [name, text] of Object.entries(attributes))
      if (typeof text === 'string') encoded[name] = encodeHeaderValue(text);
    const type = attributes['content-type'] ?? attributes['Content-Type'] ?? headers.contenttype;
    return decodeBinary(value, encoded, typeof type === 'string' ? type : undefined, headers, options);
  }
  const reason = item.parse(value);
  if (reason) return refusedItem(reason, 'event_id', 'event_type');
  const event = item.value;
  if (!isObject(event)) return notAnObject(event);
  if (isCloudEvent(event)) return decodeStructured(event, headers, options);
  const json = JSON.stringify(attributes);
  return decodeEnvelopeEvent(event, headers, options, json === '{}' ? undefined : ['pubsub', json]);
}

/** `event_type` cannot be a CloudEvents attribute: their names have no underscore. */
function isCloudEvent(event: JsonObject): boolean {
  return event.specversion !== undefined && event.event_type === undefined;
}

function isCloudEventsType(contenttype: string | undefined): boolean {
  return contenttype !== undefined && /^application\/cloudevents\+json/i.test(contenttype);
}

function notAnObject(value: unknown): Decoded {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  return refused(refusal('not_an_object', `an event is a JSON object; this is ${kind}`));
}
