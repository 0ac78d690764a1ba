import fc from 'fast-check';
import { decode } from '../decode/decode';
import type { Decoded, Envelope } from '../envelope';
import { fromCloudEventHttp } from './from-http';
import { decodeHeaderValue, encodeHeaderValue } from './header-value';
import { toCloudEvent, type CloudEventMessage } from './to-cloud-event';

const HEADERS = { tenant: 'default', source: 'http', at: '2026-01-02T03:04:05.678Z' };

const structured = (event: object): Decoded =>
  decode(Buffer.from(JSON.stringify(event)), { ...HEADERS, format: 'event' });

/** What a receiver of the message makes of it. */
function received(message: CloudEventMessage): Envelope {
  const request = fromCloudEventHttp(message);
  if (!request || request.refusal) throw new Error(JSON.stringify(request));
  const [{ value, ...headers }] = request.items;
  return ok(decode(value, { ...HEADERS, ...headers }));
}

function ok(decoded: Decoded): Envelope {
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
  return decoded.envelope;
}

describe('header values', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const encoded = encodeHeaderValue(text);
        expect(encoded).toMatch(/^[\x21-\x7e]*$/);
        expect(decodeHeaderValue(encoded)).toBe(text);
      }),
    );
  });
});

describe('an event written as a CloudEvent', () => {
  const text = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 20 })
    .filter((s) => s.trim() !== '' && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(s));
  const uri = fc.constantFrom('/s', '//h/p?q=1#f', 'urn:a:b', 'https://example.com/%20x');
  const instant = fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((d) => d.toISOString());
  const extension = fc.oneof(text, fc.boolean(), fc.integer());
  const extensions = fc.dictionary(fc.stringMatching(/^ext[a-z0-9]{1,8}$/), extension, { maxKeys: 4 });
  const data = fc.oneof(
    fc.record({ data: fc.jsonValue({ stringUnit: 'binary' }).filter((v) => v !== null) }),
    fc
      .uint8Array({ minLength: 1 })
      .map((b) => ({ data_base64: Buffer.from(b).toString('base64'), datacontenttype: 'application/octet-stream' })),
    text.map((s) => ({ data: s, datacontenttype: 'text/plain' })),
    fc.constant({}),
  );
  const optional = fc.record(
    { time: instant, subject: text, dataschema: fc.constant('https://example.com/s') },
    { requiredKeys: [] },
  );
  const event = fc
    .tuple(fc.record({ id: text, type: text, source: uri }), optional, extensions, data)
    .map(([required, more, ext, d]): Record<string, unknown> => ({
      specversion: '1.0',
      ...required,
      ...more,
      ...ext,
      ...d,
    }));

  it('is the event it came from, in structured mode', () => {
    fc.assert(
      fc.property(event, (given) => {
        const message = toCloudEvent(ok(structured(given)), 'structured');
        expect(JSON.parse(message.body.toString())).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it('is the same envelope again, in binary mode', () => {
    fc.assert(
      fc.property(event, (given) => {
        const before = ok(structured(given));
        const message = toCloudEvent(before, 'binary');
        expect(message.mode).toBe('binary');
        const after = received(message);
        const { attributesJson: kept, ...columns } = before;
        expect(after).toMatchObject(columns);
        const strings = Object.entries(JSON.parse(kept ?? '{}')).map(([k, v]) => [
          k,
          k === 'data_base64' ? v : String(v),
        ]);
        expect(JSON.parse(after.attributesJson ?? '{}')).toMatchObject(Object.fromEntries(strings));
      }),
    );
  });

  it('has columns that CloudEvents lacks as extensions, and every digit of its data', () => {
    const item = `{"event_id":"e","event_type":"t","event_version":3,"event_time":"2020-01-01T00:00:00Z","producer_time":"2020-01-01T00:00:01Z",
      "trace_id":"tr","source":"my source","metadata":{"a":1},"payload":{"n":12345678901234567890}}`;
    const before = ok(decode(Buffer.from(item), { ...HEADERS, format: 'event' }));
    for (const mode of ['structured', 'binary'] as const) {
      const message = toCloudEvent(before, mode);
      const after = received(message);
      expect(after).toMatchObject({
        eventVersion: 3,
        traceId: 'tr',
        producerTime: '2020-01-01T00:00:01Z',
        payloadJson: '{"n":12345678901234567890}',
        source: 'my%20source',
      });
      expect(JSON.parse(after.attributesJson ?? '{}').millraceattributes).toBe('{"metadata":{"a":1}}');
    }
  });
});
