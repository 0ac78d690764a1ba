import { isIPv4, isIPv6 } from 'node:net';
import { isCalendarDate, normalizeTimestamp } from '@millrace/envelope';

/**
 * Strict format checks: ready-made ones accept what SQL engines then refuse or change (30 February, `:60`, a timestamp
 * without offset). Dates and timestamps follow the one rule that the envelope's own times follow.
 */

/** A calendar day, `YYYY-MM-DD`, of the years 0001 to 9999. */
export const isDate = isCalendarDate;

/** RFC 3339 with its offset, in the years 0001 to 9999 of UTC; lower-case `t` and `z` allowed, no leap second. */
export const isDateTime = (text: string): boolean => normalizeTimestamp(text) !== null;

const TIME = /^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?$/;

/** `HH:MM:SS` with an optional fraction; no leap second, since SQL engines have none. */
export const isTime = (text: string): boolean => TIME.test(text);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const LOCAL_PART = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

export function isHostname(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => LABEL.test(label));
}

/** The addresses that browsers accept (WHATWG HTML), which are those that mail servers deliver to. */
export function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  return at > 0 && text.length <= 320 && LOCAL_PART.test(text.slice(0, at)) && isHostname(text.slice(at + 1));
}

/** Graphic ASCII characters that RFC 3986 leaves to percent-encoding; other characters are IRIs and allowed. */
const URI_EXCLUDED = /[\s\p{Cc}<>"{}|\\^`]/u;
const URI_CHARS_MAX = 8192;

/** An absolute URI without spaces or control characters. */
export function isUri(text: string): boolean {
  return text.length <= URI_CHARS_MAX && SCHEME.test(text) && !URI_EXCLUDED.test(text) && URL.canParse(text);
}

/** String formats that are enforced. */
export const STRING_FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  uuid: (text) => UUID.test(text),
  email: isEmail,
  hostname: isHostname,
  uri: isUri,
  ipv4: isIPv4,
  ipv6: isIPv6,
};

/** String formats of the standard that describe a value's use and allow any text. */
export const STRING_FORMATS_UNCHECKED: ReadonlySet<string> = new Set(['password', 'byte', 'binary']);
