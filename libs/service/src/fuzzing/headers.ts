import type { Chance } from './chance';

export const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'text/plain',
  'application/octet-stream',
  'APPLICATION/JSON',
  'application/json;charset=utf-16',
  'application/cloudevents+xml',
  'x',
  '',
  '; ;',
  'application/json; charset="',
  'a/b;c=d',
];
/** Values of headers and parameters that somebody might not expect. */
export const VALUES = [
  '',
  '1.0',
  '0.3',
  'a%20b',
  '%',
  '%ff',
  '%00',
  'x'.repeat(600),
  '"q"',
  '"',
  '\\',
  '\xe9\xff',
  '2026-01-02T03:04:05Z',
  '/s',
  '{}',
  ',',
];
const NAMES = [
  'ce-specversion',
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-time',
  'ce-subject',
  'ce-datacontenttype',
  'ce-x',
  'ce-',
  'ce-__proto__',
  'webhook-id',
  'x-github-event',
  'x-event-type',
  'x-request-id',
  'traceparent',
  'content-encoding',
  'expect-ct',
];
const COMPLETE = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };

/** Headers, mostly such as a body of this route has, with a few of any kind. */
export function headersOf(chance: Chance, keys: number): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!chance.one(20)) headers['content-type'] = chance.one(3) ? chance.pick(TYPES) : TYPES[chance.below(5)];
  if (chance.one(8)) Object.assign(headers, COMPLETE);
  for (let more = chance.one(3) ? chance.below(4) : 0; more > 0; more--)
    headers[chance.pick(NAMES)] = chance.pick(VALUES);
  if (chance.one(6)) headers['idempotency-key'] = chance.one(4) ? chance.pick(VALUES) : `fuzz-${chance.below(keys)}`;
  return headers;
}
