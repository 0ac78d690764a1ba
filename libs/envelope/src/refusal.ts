import type { Refusal } from './envelope';
import { BATCH_ITEMS_MAX, ITEM_BYTES_MAX, JSON_DEPTH_MAX } from './limits';

/**
 * Every reason for which this library refuses an item, what it means, and nothing else: the codes are the quarantine's
 * causes, so they are kept for ever and new ones are added.
 */
export const REFUSAL_REASONS = {
  item_too_large: `an item has at most ${ITEM_BYTES_MAX} bytes`,
  invalid_utf8: 'an item is UTF-8',
  invalid_json: 'an item is one JSON text (RFC 8259)',
  invalid_number: 'a number is a JSON number within the range of a double; NaN and Infinity are none',
  too_deep: `objects and arrays nest at most ${JSON_DEPTH_MAX} deep`,
  duplicate_key: 'the names within an object are unique',
  forbidden_key: '__proto__ is not allowed as a name',
  lone_surrogate: 'an escaped surrogate is one of a pair',
  not_an_object: 'an event is a JSON object',
  missing_type: 'an event has a type',
  invalid_type: 'an event type is a string without control characters and of limited length',
  invalid_id: 'an event id is a string of 1-512 characters without control characters',
  invalid_version: 'event_version is an integer of 0 to 2147483647',
  invalid_time: 'a time is RFC 3339 with an offset and exists in the calendar',
  invalid_member: 'source, subject, trace_id and tenant_id are strings; attributes and metadata are objects',
  missing_payload: 'an event has a payload',
  invalid_payload: 'a payload is a JSON object',
  invalid_cloudevent: 'a CloudEvent keeps the rules of CloudEvents 1.0',
  unsupported_content_type: 'the content type is one that is read here',
  invalid_headers: 'the headers of a record are those that a gateway writes',
  invalid_wire_format: 'a message of a Schema Registry serializer is byte 0, a schema id and a value of that schema',
  unknown_schema: 'the schema that a message names is registered',
  malformed_array: 'a batch is one JSON array',
  too_many_items: `a batch has at most ${BATCH_ITEMS_MAX} items, unless the caller sets another limit`,
} as const;

export type RefusalReason = keyof typeof REFUSAL_REASONS;

export function refusal(reason: RefusalReason, rule: string = REFUSAL_REASONS[reason], path = '$'): Refusal {
  return { reason, rule, path };
}
