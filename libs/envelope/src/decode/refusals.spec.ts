import fc from 'fast-check';
import type { Decoded } from '../envelope';
import { ITEM_BYTES_MAX } from '../limits';
import { decode } from './decode';
import { inspect, isSound } from './inspect';

function read(item: unknown): Decoded {
  const bytes = Buffer.isBuffer(item) ? item : Buffer.from(typeof item === 'string' ? item : JSON.stringify(item));
  return decode(bytes, { format: 'event', tenant: 'acme', source: 'http', at: '2026-01-02T03:04:05.678Z' });
}

describe('an item that cannot be an event', () => {
  const ok = { event_type: 'x', payload: {} };
  it.each<[string, unknown, string, string]>([
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"event_type":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      'invalid_utf8',
      '$',
    ],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'invalid_utf8', '$'],
    ['nothing', '', 'invalid_json', '$'],
    ['white space', ' \n', 'invalid_json', '$'],
    ['a byte order mark', '\ufeff{}', 'invalid_json', '$'],
    ['HTML', '<html></html>', 'invalid_json', '$'],
    ['a truncated item', '{"event_type":"x","payload":{"a":', 'invalid_json', '$.payload.a'],
    ['two items', '{}{}', 'invalid_json', '$'],
    ['a trailing comma', '{"event_type":"x",}', 'invalid_json', '$'],
    ['NaN', '{"event_type":"x","payload":{"a":[1,NaN]}}', 'invalid_number', '$.payload.a[1]'],
    ['-Infinity', '{"event_type":"x","payload":{"a":-Infinity}}', 'invalid_number', '$.payload.a'],
    ['a number beyond doubles', '{"event_type":"x","payload":{"a":1e999}}', 'invalid_number', '$.payload.a'],
    ['null', 'null', 'not_an_object', '$'],
    ['an array', '[{"event_type":"x"}]', 'not_an_object', '$'],
    ['a string', '"event_type"', 'not_an_object', '$'],
    ['a repeated name', '{"event_type":"x","payload":{"a":{"b":1,"c":2,"b":1}}}', 'duplicate_key', '$.payload.a.b'],
    ['a repeated name, escaped', '{"event_type":"x","payload":{"a":1,"\\u0061":1}}', 'duplicate_key', '$.payload.a'],
    ['a repeated envelope member', '{"event_type":"x","event_type":"y","payload":{}}', 'duplicate_key', '$.event_type'],
    [
      '__proto__',
      '{"event_type":"x","payload":{"a":[{"__proto__":{"admin":true}}]}}',
      'forbidden_key',
      '$.payload.a[0].__proto__',
    ],
    ['half a surrogate pair', '{"event_type":"x","payload":{"a":"\\ud83d"}}', 'lone_surrogate', '$.payload.a'],
    [
      'deep nesting',
      `{"event_type":"x","payload":${'{"a":'.repeat(64)}1${'}'.repeat(65)}`,
      'too_deep',
      `$.payload${'.a'.repeat(63)}`,
    ],
    ['a large item', { ...ok, payload: { a: 'x'.repeat(ITEM_BYTES_MAX) } }, 'item_too_large', '$'],
    ['no type', { payload: {} }, 'missing_type', '$.event_type'],
    ['a null type', { event_type: null, payload: {} }, 'missing_type', '$.event_type'],
    ['a blank type', { event_type: ' \t', payload: {} }, 'missing_type', '$.event_type'],
    ['a type that is a number', { event_type: 7, payload: {} }, 'invalid_type', '$.event_type'],
    ['an overlong type', { event_type: 'x'.repeat(201), payload: {} }, 'invalid_type', '$.event_type'],
    ['a type with NUL', { event_type: 'a\u0000b', payload: {} }, 'invalid_type', '$.event_type'],
    ['an id that is a number', { ...ok, event_id: 7 }, 'invalid_id', '$.event_id'],
    ['a blank id', { ...ok, event_id: '  ' }, 'invalid_id', '$.event_id'],
    ['an id with a control character', { ...ok, event_id: 'a\u001fb' }, 'invalid_id', '$.event_id'],
    ['an overlong id', { ...ok, event_id: 'x'.repeat(513) }, 'invalid_id', '$.event_id'],
    ['a version that is text', { ...ok, event_version: '1' }, 'invalid_version', '$.event_version'],
    ['a version with a fraction', { ...ok, event_version: 1.5 }, 'invalid_version', '$.event_version'],
    ['a version beyond 32 bits', { ...ok, event_version: 2 ** 31 }, 'invalid_version', '$.event_version'],
    ['an impossible time', { ...ok, event_time: '2013-02-30T25:61:00Z' }, 'invalid_time', '$.event_time'],
    ['a time without an offset', { ...ok, event_time: '2013-02-20T05:06:07' }, 'invalid_time', '$.event_time'],
    ['a time that is a number', { ...ok, event_time: 1_359_626_400 }, 'invalid_time', '$.event_time'],
    ['an impossible producer time', { ...ok, producer_time: '' }, 'invalid_time', '$.producer_time'],
    [
      'an impossible timestamp of a flat event',
      { event_type: 'x', timestamp: '2013-02-30T00:00:00Z' },
      'invalid_time',
      '$.timestamp',
    ],
    ['a source that is an object', { ...ok, source: {} }, 'invalid_member', '$.source'],
    ['a subject with a line break', { ...ok, subject: 'a\nb' }, 'invalid_member', '$.subject'],
    ['attributes that are text', { ...ok, attributes: 'a' }, 'invalid_member', '$.attributes'],
    ['attributes repeated beside them', { ...ok, attributes: { a: 1 }, a: 2 }, 'duplicate_key', '$'],
    ['no payload', { event_type: 'x', event_id: 'e' }, 'missing_payload', '$'],
    ['a null payload', { event_type: 'x', payload: null }, 'missing_payload', '$.payload'],
    ['a payload that is text', { event_type: 'x', payload: '{"a":1}' }, 'invalid_payload', '$.payload'],
    ['a payload that is an array', { event_type: 'x', payload: [1] }, 'invalid_payload', '$.payload'],
  ])('%s', (_, item, reason, path) => {
    const decoded = read(item);
    expect(decoded).toMatchObject({ ok: false, refusal: { reason, path, rule: expect.stringMatching(/\w+ \w+/) } });
  });

  it('says where JSON breaks off', () => {
    expect(read('{"a":1,]')).toMatchObject({ refusal: { rule: expect.stringContaining('unexpected "]" at byte 7') } });
    expect(read('{"a":1')).toMatchObject({ refusal: { rule: expect.stringContaining('ends too early, at byte 6') } });
  });

  it('is still known by the id and type that were read before the fault', () => {
    expect(read('{"event_id":"e-1","event_type":"x","payload":{"a":')).toMatchObject({
      eventId: 'e-1',
      eventType: 'x',
    });
    expect(read({ event_id: 'e-1', event_type: 'x', event_time: 'never', payload: {} })).toMatchObject({
      eventId: 'e-1',
      eventType: 'x',
    });
    expect(read('{"event_id":"a\\u0000b","event_type":"x","payload":{"a":')).toMatchObject({
      eventId: null,
      eventType: 'x',
    });
    expect(read('{"event_id":"e-1')).toMatchObject({ eventId: null, eventType: null });
  });

  it('counts characters as code points', () => {
    expect(read({ event_type: '😂'.repeat(200), payload: {} }).ok).toBe(true);
    expect(read({ event_type: '😂'.repeat(201), payload: {} }).ok).toBe(false);
    expect(read({ ...ok, event_id: 'x'.repeat(512) }).ok).toBe(true);
  });

  it('never throws, and inspection never refuses what decoding accepts', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('x', '2020-01-01T00:00:00Z', 1, null, {}));
    const names = [
      'event_id',
      'event_type',
      'event_version',
      'event_time',
      'payload',
      'source',
      'timestamp',
      'attributes',
      'a',
      'specversion',
      'type',
      'id',
      'data',
    ];
    const event = fc.dictionary(fc.constantFrom(...names), value).map((e) => JSON.stringify(e));
    const damaged = fc
      .tuple(event, fc.nat(), fc.constantFrom('', '"', '}', '\\', '\u0000', 'NaN'))
      .map(([e, at, put]) => {
        const i = at % (e.length + 1);
        return e.slice(0, i) + put + e.slice(i);
      });
    fc.assert(
      fc.property(fc.oneof(event, damaged), (text) => {
        const decoded = read(text);
        const inspected = inspect(Buffer.from(text));
        expect(isSound(Buffer.from(text))).toBe(inspected.ok);
        if (decoded.ok) {
          expect(inspected).toMatchObject({ ok: true, eventType: decoded.envelope.eventType });
          expect(JSON.parse(decoded.envelope.payloadJson)).toEqual(decoded.envelope.payload);
          if (!decoded.envelope.idFromContent) expect(inspected).toMatchObject({ eventId: decoded.envelope.eventId });
        } else expect(decoded.refusal.path).toMatch(/^\$/);
      }),
      { numRuns: 5_000 },
    );
  });
});
