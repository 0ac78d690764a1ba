import { isUtf8 } from 'node:buffer';
import type { Decoded, DecodeOptions, InboundHeaders, Refusal } from '../envelope';
import { Checks } from '../decode/checks';
import { BAD_ATTRIBUTES, finish, headerAttributes, item, refused, traceIdOf } from '../decode/context';
import type { JsonObject } from '../decode/item';
import { refusal } from '../refusal';
import { normalizeTimestamp } from '../time/timestamp';
import { readAttributes, type ContextAttributes } from './attributes';
import { encodingOf, isJsonMedia, isTextMedia, parseContentType } from './content-type';
import { decodeHeaderValue } from './header-value';

interface Data {
  readonly payload: unknown;
  readonly json: string;
  /** The payload is the base64 text of binary data. */
  readonly base64?: boolean;
}

const NO_DATA: Data = { payload: null, json: 'null' };

/** Reads the parsed item as a CloudEvent in the JSON event format 1.0.2. */
export function decodeStructured(event: JsonObject, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const checks = new Checks();
  const { data, data_base64: base64, ...attributes } = event;
  const read = readAttributes(attributes, checks);
  return envelopeOf(read, structuredData(data ?? null, base64 ?? null, checks), '$.data', checks, headers, options);
}

function structuredData(data: unknown, base64: unknown, checks: Checks): Data {
  if (base64 === null) return data === null ? NO_DATA : { payload: data, json: item.rawValue(item.indexOf('data')) };
  if (data !== null)
    checks.fail('invalid_cloudevent', 'a CloudEvent has data or data_base64, not both', '$.data_base64');
  if (typeof base64 !== 'string') checks.fail('invalid_cloudevent', 'data_base64 is a string', '$.data_base64');
  return { payload: base64, json: item.rawValue(item.indexOf('data_base64')), base64: true };
}

/**
 * Reads bytes as the data of a binary CloudEvent whose attributes are header values named `ce-*`, as the HTTP binding
 * writes them. JSON data becomes the payload, text a JSON string, all else base64, marked by the attribute `data_base64`.
 */
export function decodeCeBinary(bytes: Buffer, headers: InboundHeaders, options: DecodeOptions): Decoded {
  const given = headerAttributes(headers);
  if (given === null) return refused(BAD_ATTRIBUTES);
  return decodeBinary(bytes, given, headers.contenttype, headers, options);
}

export function decodeBinary(
  bytes: Buffer,
  given: JsonObject,
  contenttype: string | undefined,
  headers: InboundHeaders,
  options: DecodeOptions,
): Decoded {
  const checks = new Checks();
  const attributes = headerValues(given, checks);
  if (contenttype !== undefined && contenttype !== '') attributes.datacontenttype = contenttype;
  const read = readAttributes(attributes, checks);
  const data = binaryData(bytes, contenttype);
  if ('reason' in data) return refused(checks.refusal ?? data, read.id, read.type || null);
  return envelopeOf(read, data, '$', checks, headers, options);
}

function headerValues(given: JsonObject, checks: Checks): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [header, value] of Object.entries(given)) {
    const name = header.toLowerCase();
    if (!name.startsWith('ce-') || typeof value !== 'string') continue;
    const decoded = decodeHeaderValue(value);
    if (name === 'ce-datacontenttype') {
      checks.fail(
        'invalid_cloudevent',
        'in binary mode Content-Type takes the place of datacontenttype',
        '$.datacontenttype',
      );
    } else if (decoded === null)
      checks.fail('invalid_cloudevent', `${name} is UTF-8, percent-encoded`, `$.${name.slice(3)}`);
    else attributes[name.slice(3)] = decoded;
  }
  return attributes;
}

function binaryData(bytes: Buffer, contenttype: string | undefined): Data | Refusal {
  const tooLarge = item.takeOpaque(bytes);
  if (tooLarge) return tooLarge;
  if (bytes.length === 0) return NO_DATA;
  const type = parseContentType(contenttype ?? '');
  const encoding = encodingOf(type?.charset ?? null);
  if (type && isJsonMedia(type.media)) {
    if (encoding !== 'utf8') return refusal('unsupported_content_type', 'JSON is UTF-8', '$.datacontenttype');
    return item.parse(bytes) ?? { payload: item.value, json: item.rawItem() };
  }
  if (!type || !isTextMedia(type.media) || encoding === null) {
    const payload = bytes.toString('base64');
    return { payload, json: `"${payload}"`, base64: true };
  }
  if (encoding === 'utf8' && !isUtf8(bytes))
    return refusal('invalid_utf8', 'text data is UTF-8 unless its charset says otherwise');
  const payload = bytes.toString(encoding);
  return { payload, json: JSON.stringify(payload) };
}

/** `eventversion`, `traceid` and `producertime` are the extensions that `toCloudEvent` writes for columns of the envelope. */
function envelopeOf(
  read: ContextAttributes,
  data: Data,
  payloadPath: string,
  checks: Checks,
  headers: InboundHeaders,
  options: DecodeOptions,
): Decoded {
  const { kept } = read;
  const version =
    typeof kept.eventversion === 'string' && /^\d{1,10}$/.test(kept.eventversion)
      ? +kept.eventversion
      : kept.eventversion;
  const attributes = data.base64 ? { ...kept, data_base64: true } : kept;
  return finish(
    {
      eventId: read.id,
      eventType: read.type,
      eventVersion: typeof version === 'number' && version >= 0 && version < 2 ** 31 ? version : 1,
      eventTime: read.time,
      producerTime: typeof kept.producertime === 'string' ? normalizeTimestamp(kept.producertime) : null,
      source: read.source,
      traceId: typeof kept.traceid === 'string' && kept.traceid !== '' ? kept.traceid : traceIdOf(kept.traceparent),
      subject: read.subject,
      payload: data.payload,
      payloadJson: data.json,
      payloadPath,
      attributesJson: JSON.stringify(attributes),
    },
    checks,
    headers,
    options,
  );
}
