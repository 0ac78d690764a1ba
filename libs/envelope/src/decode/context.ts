import type { Decoded, DecodeOptions, Envelope, EventPaths, InboundHeaders, Refusal } from '../envelope';
import { EVENT_ID_CHARS_MAX } from '../limits';
import { refusal } from '../refusal';
import { isCalendarDate, normalizeTimestamp } from '../time/timestamp';
import type { Checks } from './checks';
import { Item, type JsonObject } from './item';

/** The item under way. Decoding is synchronous, so one is enough for the process. */
export const item = new Item();

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function refused(reason: Refusal, eventId: string | null = null, eventType: string | null = null): Decoded {
  return { ok: false, refusal: reason, eventId, eventType };
}

/** A refusal of an item whose members before the fault may still say which event it is. */
export function refusedItem(reason: Refusal, idMember: string, typeMember: string): Decoded {
  return refused(reason, salvage(idMember), salvage(typeMember));
}

/** A string member of the outermost object that was read whole before the item was refused, if it is fit to be shown. */
export function salvage(name: string): string | null {
  const member = item.indexOf(name);
  const text = member < 0 ? null : item.stringAt(member);
  return text !== null && text.length > 0 && text.length <= EVENT_ID_CHARS_MAX && !UNFIT.test(text) ? text : null;
}

/** Controls, and what stands for bytes or escapes that are no characters. */
const UNFIT = /[\p{Cc}\p{Surrogate}\ufffd]/u;

/** What the formats find out, each in its own way, of which `finish` makes the envelope. */
export interface Parts {
  readonly eventId: string | null;
  readonly eventType: string;
  readonly eventVersion: number;
  /** From the envelope, normalised. */
  readonly eventTime: string | null;
  readonly producerTime: string | null;
  readonly source: string | null;
  readonly traceId: string | null;
  readonly subject: string | null;
  readonly payload: unknown;
  readonly payloadJson: string;
  /** Path of the payload within the item, for refusals. */
  readonly payloadPath: string;
  readonly attributesJson: string | null;
  /** `timestamp` of a flat event, which is its time where envelope and contract have none. */
  readonly timestamp?: unknown;
}

/** Fills in what the contract, the headers and the content say, and makes the envelope. */
export function finish(parts: Parts, checks: Checks, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const contract =
    checks.refusal === null && (parts.eventTime === null || parts.subject === null)
      ? options.contractFor?.(parts.eventType)
      : undefined;
  const ingestTime = acceptTime(headers.at);
  if (ingestTime === null) checks.fail('invalid_headers', 'at is RFC 3339', '$');
  const eventTime =
    parts.eventTime ??
    contractTime(contract, parts.payload, parts.payloadPath, checks) ??
    looseTime(parts.timestamp, '$.timestamp', checks) ??
    ingestTime;
  if (checks.refusal) return refused(checks.refusal, parts.eventId, parts.eventType || null);
  const envelope: Envelope = {
    eventId: parts.eventId ?? item.contentId(),
    idFromContent: parts.eventId === null,
    eventType: parts.eventType,
    eventVersion: parts.eventVersion,
    eventTime: eventTime as string,
    producerTime: parts.producerTime,
    ingestTime: ingestTime as string,
    source: parts.source ?? headers.source,
    traceId: parts.traceId ?? traceIdOf(headers.traceparent),
    tenantId: headers.tenant,
    subject: parts.subject ?? contractSubject(contract, parts.payload),
    payload: parts.payload,
    payloadJson: parts.payloadJson,
    attributesJson: parts.attributesJson,
  };
  return { ok: true, envelope: item.scanner.longIntegers ? { ...envelope, payloadRounded: true } : envelope };
}

let lastAt = '';
let lastAcceptTime: string | null = null;

/** All records of a request share one accept time, so the last one read is kept. */
function acceptTime(at: string): string | null {
  if (at !== lastAt) {
    lastAcceptTime = normalizeTimestamp(at);
    lastAt = at;
  }
  return lastAcceptTime;
}

function contractTime(contract: EventPaths | undefined, payload: unknown, root: string, checks: Checks): string | null {
  const path = contract?.eventTimePath;
  return path ? looseTime(valueAt(payload, path), [root, ...path].join('.'), checks) : null;
}

/** Null where absent; a date stands for its midnight in UTC. */
function looseTime(value: unknown, path: string, checks: Checks): string | null {
  if (typeof value === 'string' && isCalendarDate(value)) return `${value}T00:00:00Z`;
  return checks.time(value, path);
}

/** Strings and numbers name a subject; anything else leaves it empty, and the contract judges the payload. */
function contractSubject(contract: EventPaths | undefined, payload: unknown): string | null {
  const path = contract?.subjectPath;
  if (!path) return null;
  const value = valueAt(payload, path);
  if (typeof value === 'string') return value === '' ? null : value;
  return typeof value === 'number' ? String(value) : null;
}

function valueAt(payload: unknown, path: readonly string[]): unknown {
  let value = payload;
  for (const segment of path) {
    if (!isObject(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** Trace id of a W3C traceparent; null where there is none or it is all zeros. */
export function traceIdOf(traceparent: unknown): string | null {
  if (typeof traceparent !== 'string') return null;
  const id = TRACEPARENT.exec(traceparent)?.[1] ?? null;
  return id === null || /^0+$/.test(id) ? null : id;
}

let lastAttributes = '';
let lastParsed: JsonObject = {};

/** The record's `attributes` header, null where it is no JSON object. Records of a request share one: the last is kept. */
export function headerAttributes(headers: Pick<InboundHeaders, 'attributes'>): JsonObject | null {
  const text = headers.attributes ?? '{}';
  if (text === lastAttributes) return lastParsed;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isObject(parsed)) return null;
    lastParsed = parsed;
    lastAttributes = text;
    return parsed;
  } catch {
    return null;
  }
}

export const BAD_ATTRIBUTES: Refusal = refusal('invalid_headers', 'the attributes of a record are a JSON object');
