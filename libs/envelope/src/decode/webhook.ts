import type { Decoded, DecodeOptions, InboundHeaders } from '../envelope';
import { normalizeTimestamp } from '../time/timestamp';
import { Checks } from './checks';
import { BAD_ATTRIBUTES, finish, headerAttributes, isObject, item, refused } from './context';
import type { JsonObject } from './item';

/**
 * Reads the parsed item as the body of a webhook. The whole body is the payload. The header attributes name the source,
 * and the id and type where the source sends them; type and time may also stand in the body, as Standard Webhooks has it.
 */
export function decodeWebhook(headers: InboundHeaders, options: DecodeOptions): Decoded {
  const attributes = headerAttributes(headers);
  if (attributes === null) return refused(BAD_ATTRIBUTES);
  const checks = new Checks();
  const body = item.value;
  const eventType = checks.eventType(webhookEventType(attributes, body), '$');
  return finish(
    {
      eventId: checks.eventId(attributes.id, '$'),
      eventType,
      eventVersion: 1,
      eventTime: null,
      producerTime: null,
      source: null,
      traceId: null,
      subject: null,
      payload: body,
      payloadJson: item.rawItem(),
      payloadPath: '$',
      attributesJson: `{"webhook":${JSON.stringify(attributes)}}`,
      // Sources have formats of their own: a timestamp that is not RFC 3339 is theirs, and no fault.
      timestamp: isObject(body) && typeof body.timestamp === 'string' ? normalizeTimestamp(body.timestamp) : null,
    },
    checks,
    headers,
    options,
  );
}

/**
 * `<source>.<type>`, e.g. `github.push`, so that equal names of two sources stay apart. The type comes from the headers,
 * else from the body's `type`; a webhook without one is `<source>.webhook`.
 */
export function webhookEventType(attributes: JsonObject, body: unknown): string {
  const inBody = isObject(body) && typeof body.type === 'string' && body.type.trim() !== '' ? body.type : 'webhook';
  const type = typeof attributes.type === 'string' && attributes.type !== '' ? attributes.type : inBody;
  return `${typeof attributes.source === 'string' && attributes.source !== '' ? attributes.source : 'unknown'}.${type}`;
}
