import type { Checks } from '../decode/checks';
import type { JsonObject } from '../decode/item';
import { formatPath } from '../json/json-path';
import { parseContentType } from './content-type';

/** Context attributes of CloudEvents 1.0.2 as an envelope takes them. */
export interface ContextAttributes {
  readonly id: string | null;
  readonly type: string;
  readonly source: string | null;
  readonly subject: string | null;
  /** Normalised. */
  readonly time: string | null;
  readonly datacontenttype: string | null;
  /**
   * What the envelope has no column for: specversion, datacontenttype, dataschema, extensions, and `time` as it was
   * written where normalising changed it.
   */
  readonly kept: Record<string, string | number | boolean>;
}

const COLUMNS = new Set(['id', 'type', 'source', 'subject', 'time']);
/** Names are lower case by the specification, yet events of Google's audit log have `methodName`: case is let pass. */
const NAME = /^[A-Za-z0-9]+$/;
const RESERVED = new Set(['data', 'specversion', 'datacontenttype', 'dataschema', ...COLUMNS]);
/** What attribute strings must not hold (2.2): controls, noncharacters, lone surrogates. */
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}\p{Surrogate}]/u;
const URI_REFERENCE =
  /^(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$/;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const INT32 = 2 ** 31;

/** Checks all attributes; null and absent are the same (3.1). Failures go to `checks`, named by JSON path. */
export function readAttributes(attributes: JsonObject, checks: Checks): ContextAttributes {
  const kept: Record<string, string | number | boolean> = {};
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    const path = `$.${name}`;
    const lower = name.toLowerCase();
    if (!NAME.test(name))
      checks.fail('invalid_cloudevent', 'attribute names are letters and digits', formatPath([name]));
    else if (name === 'data' || (name !== lower && (RESERVED.has(lower) || Object.hasOwn(attributes, lower)))) {
      checks.fail('invalid_cloudevent', `${lower} is the name of another member`, path);
    } else if (value !== null && isValue(value, path, checks) && !COLUMNS.has(name)) kept[name] = value;
  }
  required(attributes, 'id', checks);
  required(attributes, 'source', checks);
  if (attributes.specversion !== '1.0') checks.fail('invalid_cloudevent', 'specversion is "1.0"', '$.specversion');
  text(attributes, 'subject', checks);
  const source = text(attributes, 'source', checks);
  if (source !== null && !URI_REFERENCE.test(source)) {
    checks.fail('invalid_cloudevent', 'source is a URI reference (RFC 3986)', '$.source');
  }
  const schema = text(attributes, 'dataschema', checks);
  if (schema !== null && !(ABSOLUTE_URI.test(schema) && URI_REFERENCE.test(schema))) {
    checks.fail('invalid_cloudevent', 'dataschema is an absolute URI (RFC 3986)', '$.dataschema');
  }
  const datacontenttype = text(attributes, 'datacontenttype', checks);
  if (datacontenttype !== null && parseContentType(datacontenttype) === null) {
    checks.fail('invalid_cloudevent', 'datacontenttype is a media type (RFC 2046)', '$.datacontenttype');
  }
  const time = checks.time(attributes.time, '$.time');
  if (time !== null && time !== attributes.time) kept.time = attributes.time as string;
  return {
    id: checks.eventId(attributes.id, '$.id'),
    type: checks.eventType(attributes.type, '$.type'),
    source: checks.name(attributes.source, '$.source'),
    subject: checks.name(attributes.subject, '$.subject'),
    time,
    datacontenttype,
    kept,
  };
}

function required(attributes: JsonObject, name: string, checks: Checks): void {
  const value = attributes[name];
  if (value === undefined || value === null || value === '') {
    checks.fail(
      name === 'id' ? 'invalid_id' : 'invalid_cloudevent',
      `a CloudEvent has a non-empty ${name}`,
      `$.${name}`,
    );
  }
}

/** An optional attribute of text, which must not be empty where it is present. */
function text(attributes: JsonObject, name: string, checks: Checks): string | null {
  const value = attributes[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value !== '') return value;
  return checks.fail('invalid_cloudevent', `${name} is a non-empty string`, `$.${name}`);
}

/** The type system of 2.2 in JSON: Boolean, 32-bit Integer, and strings for all else. */
function isValue(value: unknown, path: string, checks: Checks): value is string | number | boolean {
  if (typeof value === 'boolean') return true;
  if (typeof value === 'string') {
    if (!FORBIDDEN.test(value)) return true;
    checks.fail('invalid_cloudevent', 'attributes have no control characters and no noncharacters', path);
  } else if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= -INT32 && value < INT32) return true;
    checks.fail('invalid_cloudevent', 'a number in an attribute is a 32-bit integer', path);
  } else checks.fail('invalid_cloudevent', 'an attribute is a string, a boolean or an integer', path);
  return false;
}
