import type { Dedupe } from '@millrace/contracts';
import { decode, type Envelope } from '@millrace/envelope';
import { HEADERS } from '../testing/landing-bench';
import { claimKey, DEFAULT_DEDUPE } from './claim-key';

const under = (dedupe: Partial<Dedupe>): Dedupe => ({ strategy: 'event_id', scope: 's', windowDays: 30, ...dedupe });

function envelopeOf(event: object | string, tenant = 'default'): Envelope {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  const decoded = decode(Buffer.from(text), { ...HEADERS, tenant }, {});
  if (!decoded.ok) throw new Error(decoded.refusal.reason);
  return decoded.envelope;
}

const event = {
  event_id: 'e',
  event_type: 't',
  event_time: '2026-01-01T00:00:00Z',
  source: 'x',
  payload: { a: 1, b: 'two' },
};
const keyOf = (value: object | string, dedupe: Dedupe = DEFAULT_DEDUPE, tenant?: string): string => {
  const key = claimKey(envelopeOf(value, tenant), dedupe);
  return 'key' in key ? key.key : key.refusal.path;
};

test('by event id the key is source and id, within tenant, scope and strategy', () => {
  const key = keyOf(event);
  expect(key).toMatch(/^[0-9a-f]{32}$/);
  expect(keyOf({ ...event, payload: { other: true }, event_time: '2027-01-01T00:00:00Z' })).toBe(key);
  expect(keyOf({ ...event, event_id: 'f' })).not.toBe(key);
  expect(keyOf({ ...event, source: 'y' })).not.toBe(key);
  expect(keyOf(event, undefined, 'acme')).not.toBe(key);
  expect(keyOf(event, under({ scope: 'other' }))).not.toBe(key);
});

test('no two lists of parts read alike', () => {
  expect(keyOf({ ...event, source: 'a1', event_id: 'b' })).not.toBe(keyOf({ ...event, source: 'a', event_id: '1b' }));
  expect(keyOf({ ...event, source: '1:a', event_id: 'b' })).not.toBe(
    keyOf({ ...event, source: '1', event_id: 'a1:b' }),
  );
});

test('by content the id does not count, how it was written does not count, every digit does', () => {
  const content = under({ strategy: 'content' });
  const key = keyOf(event, content);
  expect(keyOf({ ...event, event_id: 'another' }, content)).toBe(key);
  expect(
    keyOf(
      '{"payload":{"b":"tw\\u006f","a":1.0},"source":"x","event_time":"2026-01-01T00:00:00.000Z","event_type":"t","event_id":"z"}',
      content,
    ),
  ).toBe(key);
  expect(keyOf({ ...event, payload: { a: 2, b: 'two' } }, content)).not.toBe(key);
  expect(keyOf({ ...event, event_time: '2026-01-01T00:00:01Z' }, content)).not.toBe(key);
  const big = (n: string): string => JSON.stringify(event).replace('"a":1', `"a":${n}`);
  expect(keyOf(big('12345678901234567890'), content)).not.toBe(keyOf(big('12345678901234567891'), content));
});

test('by business key only its parts count', () => {
  const business = under({ strategy: 'business_key', paths: [['payload', 'a'], ['event_time']] });
  const key = keyOf(event, business);
  expect(keyOf({ ...event, event_id: 'f', source: 'y', payload: { a: 1.0, b: 3 } }, business)).toBe(key);
  expect(keyOf({ ...event, payload: { a: '1' } }, business)).not.toBe(key);
  expect(keyOf({ ...event, event_time: '2026-01-01T00:00:00.000001Z' }, business)).not.toBe(key);
});

test('a business key without one of its parts is refused, naming it', () => {
  const business = under({ strategy: 'business_key', paths: [['payload', 'a', 'b']] });
  expect(keyOf({ ...event, payload: { a: { c: 1 } } }, business)).toBe('$.payload.a.b');
  expect(keyOf({ ...event, payload: { a: { b: null } } }, business)).toBe('$.payload.a.b');
  expect(keyOf({ ...event, payload: { a: [] } }, business)).toBe('$.payload.a.b');
});
