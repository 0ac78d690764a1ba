import type { GuardedRequest } from './credentials';
import { Refusal } from './refusal';

/** Loopback addresses: the whole of 127/8, ::1 and the name that stands for them. */
const ADDRESS = /^(localhost|::1|(::ffff:)?127(\.\d{1,3}){3})$/i;
/** RFC 6761, 6.3: names under localhost are loopback for every resolver, so no one else's DNS can point them here. */
const AUTHORITY = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

export const isLoopback = (address: string): boolean => ADDRESS.test(address);

let knownHost: string | undefined;

/**
 * Whether a request that comes without any credential was meant for this machine by somebody on it. A browser on it lends
 * its reach to every page it shows: a page may send a form or a fetch to loopback (its Origin tells), or have its own
 * name resolve to loopback (the Host tells). And a proxy on it may pass on what comes from elsewhere.
 */
export function localFault({ headers }: GuardedRequest): Refusal | null {
  const { host, origin } = headers;
  if (host !== knownHost) {
    if (host !== undefined && !AUTHORITY.test(host)) {
      return new Refusal(
        421,
        'host',
        'Without authentication this answers to localhost only, and was called by another name.',
      );
    }
    knownHost = host;
  }
  if (origin !== undefined && !isLoopbackOrigin(origin)) {
    return new Refusal(403, 'origin', 'Without authentication this takes no requests from pages of other origins.');
  }
  const forwarded = headers['x-forwarded-for'];
  if ((forwarded !== undefined && !isLocalChain(forwarded)) || headers.forwarded !== undefined) {
    return new Refusal(
      403,
      'host',
      'Without authentication this takes no requests that were passed on from elsewhere.',
    );
  }
  return null;
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/(.+)$/i.exec(origin);
  return match !== null && AUTHORITY.test(match[1]);
}

const isLocalChain = (value: string | string[]): boolean =>
  String(value)
    .split(',')
    .every((address) => isLoopback(address.trim()));

/** A page of another origin that makes a browser act with what the browser itself adds to each request. */
export function foreignPage({ method, headers }: GuardedRequest): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return false;
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  const { origin, host } = headers;
  return origin !== undefined && origin.replace(/^https?:\/\//i, '') !== host;
}
