import { isIPv4, isIPv6 } from 'node:net';

/**
 * Strict format checks, by hand: ready-made ones accept what SQL engines then refuse or change (30 February, `:60`, a
 * timestamp without offset). A timestamp is one exactly where the envelope's `normalizeTimestamp` reads it.
 */

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const digit = (text: string, at: number): number => {
  const c = text.charCodeAt(at) - 48;
  return c >= 0 && c <= 9 ? c : NaN;
};
const two = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

/** A calendar day, `YYYY-MM-DD`, of the years 0001 to 9999. */
export function isDate(text: string): boolean {
  return text.length === 10 && isDatePart(text);
}

function isDatePart(text: string): boolean {
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1) || text[4] !== '-' || text[7] !== '-') return false;
  if (day <= DAYS[month - 1]) return true;
  return month === 2 && day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** `HH:MM:SS` with an optional fraction; no leap second, since SQL engines have none. */
export function isTime(text: string): boolean {
  const end = timeEnd(text, 0);
  return end > 0 && end === text.length;
}

/** Index behind a time that starts at `at`, or -1. */
function timeEnd(text: string, at: number): number {
  if (!(two(text, at) <= 23 && two(text, at + 3) <= 59 && two(text, at + 6) <= 59)) return -1;
  if (text[at + 2] !== ':' || text[at + 5] !== ':') return -1;
  let end = at + 8;
  if (text[end] !== '.') return end;
  while (digit(text, ++end) >= 0);
  return end > at + 9 ? end : -1;
}

/** RFC 3339 with its offset; lower-case `t` and `z` allowed, as section 5.6 says. No leap second. */
export function isDateTime(text: string): boolean {
  if (!isDatePart(text)) return false;
  if (text[10] !== 'T' && text[10] !== 't') return false;
  const end = timeEnd(text, 11);
  if (end < 0) return false;
  const sign = text[end];
  if (sign === 'Z' || sign === 'z') return text.length === end + 1;
  if (sign !== '+' && sign !== '-') return false;
  return text.length === end + 6 && two(text, end + 1) <= 23 && text[end + 3] === ':' && two(text, end + 4) <= 59;
}

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
