import type { Envelope } from '../envelope';
import { encodingOf, isJsonMedia, parseContentType } from './content-type';
import { STRUCTURED_TYPE } from './from-http';
import { encodeHeaderValue } from './header-value';

export type CloudEventMode = 'structured' | 'binary';

export interface CloudEventMessage {
  readonly mode: CloudEventMode;
  /** Lower-case names, values encoded for HTTP. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Attributes = Record<string, string | number | boolean>;

const NO_BODY = Buffer.alloc(0);
const INT32 = 2 ** 31;
const NOT_EXTENSIONS = new Set(['data', 'id', 'type', 'source', 'subject', 'specversion', 'time']);
/** Attributes of ours that are no CloudEvents value, as one JSON string. */
const OTHER_ATTRIBUTES = 'millraceattributes';

/**
 * An envelope as a CloudEvents 1.0 message; the inverse of `decode`. Data keeps every digit: it is taken from
 * `payloadJson`. An event without data of its own (`payload` null) has none here. `time` is left out where the event had
 * none and was given its accept time.
 *
 * Columns that CloudEvents does not have become the extensions `eventversion` (unless 1), `traceid` and `producertime`;
 * attributes that are no extension by its rules travel as one JSON string, `millraceattributes`.
 *
 * `mode` is honoured where the data has such a form. `structured` is used instead for data that cannot be a body: a
 * `data_base64` that is no base64, text in a charset that cannot write it, JSON under a content type that is not JSON.
 */
export function toCloudEvent(envelope: Envelope, mode: CloudEventMode): CloudEventMessage {
  const { attributes, base64 } = attributesOf(envelope);
  const body = mode === 'binary' ? binaryBody(envelope, attributes, base64) : null;
  if (body === null) {
    const members = JSON.stringify(attributes).slice(0, -1);
    const data = envelope.payloadJson === 'null' ? '' : `,"${base64 ? 'data_base64' : 'data'}":${envelope.payloadJson}`;
    return {
      mode: 'structured',
      headers: { 'content-type': STRUCTURED_TYPE },
      body: Buffer.from(`${members}${data}}`),
    };
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== 'datacontenttype') headers[`ce-${name.toLowerCase()}`] = encodeHeaderValue(String(value));
  }
  const type = attributes.datacontenttype ?? (body.length > 0 && !base64 ? 'application/json' : undefined);
  if (type !== undefined) headers['content-type'] = String(type);
  return { mode: 'binary', headers, body };
}

function attributesOf(envelope: Envelope): { attributes: Attributes; base64: boolean } {
  const given = JSON.parse(envelope.attributesJson ?? '{}') as Record<string, unknown>;
  const { data_base64: base64, specversion: _version, time, ...others } = given;
  const attributes: Attributes = { specversion: '1.0', id: envelope.eventId, type: envelope.eventType };
  attributes.source = encodeURI(envelope.source).replace(/%25([0-9A-Fa-f]{2})/g, '%$1');
  if (typeof time === 'string') attributes.time = time;
  else if (envelope.eventTime !== envelope.ingestTime) attributes.time = envelope.eventTime;
  if (envelope.subject !== null) attributes.subject = envelope.subject;
  let unfit = false;
  for (const [name, value] of Object.entries(others)) {
    if (isExtension(name, value)) attributes[name] = value;
    else unfit = true;
  }
  if (unfit && envelope.attributesJson !== null) attributes[OTHER_ATTRIBUTES] = envelope.attributesJson;
  if (envelope.eventVersion !== 1) attributes.eventversion ??= envelope.eventVersion;
  if (envelope.traceId !== null && attributes.traceparent === undefined) attributes.traceid ??= envelope.traceId;
  if (envelope.producerTime !== null) attributes.producertime ??= envelope.producerTime;
  return { attributes, base64: base64 === true };
}

function isExtension(name: string, value: unknown): value is string | number | boolean {
  if (!/^[A-Za-z0-9]+$/.test(name) || NOT_EXTENSIONS.has(name.toLowerCase())) return false;
  if (typeof value === 'number') return Number.isInteger(value) && value >= -INT32 && value < INT32;
  return (
    typeof value === 'boolean' || (typeof value === 'string' && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(value))
  );
}

/** The data as a body; null where it has no such form. */
function binaryBody(envelope: Envelope, attributes: Attributes, base64: boolean): Buffer | null {
  if (envelope.payloadJson === 'null') return NO_BODY;
  const type = parseContentType(String(attributes.datacontenttype ?? 'application/json'));
  if (base64) {
    const text = String(envelope.payload);
    const bytes = Buffer.from(text, 'base64');
    return bytes.length > 0 && bytes.toString('base64') === text ? bytes : null;
  }
  if (type && isJsonMedia(type.media)) return Buffer.from(envelope.payloadJson);
  const encoding = encodingOf(type?.charset ?? null);
  if (typeof envelope.payload !== 'string' || encoding === null) return null;
  const bytes = Buffer.from(envelope.payload, encoding);
  return bytes.toString(encoding) === envelope.payload ? bytes : null;
}
