import type { IncomingHttpHeaders } from 'node:http';
import { invalid, Refusal } from './refusal';

/** What is read of a request. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** Longest credential that is looked at: Google's ID tokens have 1-2 KB, those with many groups more. */
export const CREDENTIAL_CHARS_MAX = 8_192;

/** A header that names a principal may come once: two readers could pick different ones of two. */
const ONCE: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'x-task-token',
  'x-goog-iap-jwt-assertion',
  'host',
  'origin',
]);
const ONCE_LENGTHS: ReadonlySet<number> = new Set([...ONCE].map((name) => name.length));

/** The first header of ONCE that came twice, or null. Lengths first: most names need not be read. */
export function repeatedHeader(rawHeaders: readonly string[]): string | null {
  let seen: string | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i];
    if (!ONCE_LENGTHS.has(raw.length)) continue;
    const name = raw.toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen === null) seen = name;
    else if (seen === name || `,${seen},`.includes(`,${name},`)) return name;
    else seen += `,${name}`;
  }
  return null;
}

/**
 * The secret that a request presents: `Authorization: Bearer <secret>`, `X-API-Key: <secret>`, or, where `basic` is
 * taken, `Authorization: Basic` with the secret as user and no password, as the SDKs of other event pipelines send their
 * write key. Null without any.
 */
export function presentedSecret({ headers }: GuardedRequest, basic: boolean): string | null | Refusal {
  const { authorization } = headers;
  const key = headers['x-api-key'];
  if (key !== undefined && authorization !== undefined) {
    return new Refusal(400, 'ambiguous', 'Authorization and X-API-Key exclude each other: send one of them.');
  }
  const secret =
    typeof key === 'string' ? key : authorization === undefined ? null : ofAuthorization(authorization, basic);
  if (typeof secret !== 'string') return secret;
  if (secret.length > CREDENTIAL_CHARS_MAX) return invalid('malformed', 'The credential is too long.');
  return secret === '' ? invalid('malformed', 'The credential is empty.') : secret;
}

function ofAuthorization(value: string, basic: boolean): string | Refusal {
  const space = value.indexOf(' ');
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase();
  const rest = space < 0 ? '' : value.slice(space + 1).trim();
  if (scheme === 'bearer') return rest;
  if (scheme === 'basic' && basic) return ofBasic(rest);
  return invalid('malformed', `Authorization takes the scheme Bearer${basic ? ' or Basic' : ''} here.`);
}

function ofBasic(encoded: string): string | Refusal {
  if (encoded.length > 2 * CREDENTIAL_CHARS_MAX) return invalid('malformed', 'The credential is too long.');
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return invalid('malformed', 'Basic takes base64 of user:password.');
  const user = text.slice(0, colon);
  const password = text.slice(colon + 1);
  if (user !== '' && password !== '') return invalid('malformed', 'Basic takes the key as user and no password.');
  return user === '' ? password : user;
}
