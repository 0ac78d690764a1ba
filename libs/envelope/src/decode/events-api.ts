import type { Decoded, DecodeOptions, InboundHeaders } from '../envelope';
import { EVENTS_API_TYPE_CHARS_MAX } from '../limits';
import { Checks } from './checks';
import { finish, isObject, item } from './context';
import type { JsonObject } from './item';

/**
 * Reads the parsed item as the body of `POST /events`: `{eventType, payload, metadata?}`. `metadata` and members that the
 * API does not name are kept as attributes. The id is the one that the gateway minted.
 */
export function decodeEventsApi(body: JsonObject, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const checks = new Checks();
  const eventType = checkEventsApi(body, checks);
  const attributes: string[] = [];
  let payloadJson = 'null';
  for (let m = 0; m < item.scanner.topCount; m++) {
    const name = item.nameOf(m);
    if (name === 'payload') payloadJson = item.rawValue(m);
    else if (name !== 'eventType' && body[name] !== null) attributes.push(item.rawMember(m));
  }
  return finish(
    {
      eventId: checks.eventId(headers.id, '$'),
      eventType,
      eventVersion: 1,
      eventTime: null,
      producerTime: null,
      source: null,
      traceId: null,
      subject: null,
      payload: body.payload,
      payloadJson,
      payloadPath: '$.payload',
      attributesJson: attributes.length > 0 ? `{${attributes.join(',')}}` : null,
    },
    checks,
    headers,
    options,
  );
}

/** The rules of `POST /events`, for the gateway's answer as for decoding. Returns the event type. */
export function checkEventsApi(body: JsonObject, checks: Checks): string {
  const eventType = checks.eventType(body.eventType, '$.eventType', EVENTS_API_TYPE_CHARS_MAX);
  if (body.payload === undefined || body.payload === null) checks.fail('missing_payload', undefined, '$.payload');
  else if (!isObject(body.payload)) checks.fail('invalid_payload', undefined, '$.payload');
  if (body.metadata !== undefined && body.metadata !== null && !isObject(body.metadata)) {
    checks.fail('invalid_member', 'metadata is an object', '$.metadata');
  }
  return eventType;
}
