import type { Decoded, DecodeOptions, InboundHeaders } from '../envelope';
import { contentId } from '../identity/content-id';
import { decode } from './decode';
import { inspect } from './inspect';

const HEADERS = { tenant: 'acme', source: 'http', at: '2026-01-02T03:04:05.678Z' };

function read(
  body: unknown,
  headers: Omit<InboundHeaders, 'tenant' | 'source' | 'at'>,
  options?: DecodeOptions,
): Decoded {
  return decode(
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    { ...HEADERS, ...headers },
    options,
  );
}

describe('the body of POST /events', () => {
  const headers = { format: 'events-api', id: '017f22e2-79b0-7fff-bfff-ffffffffffff' } as const;

  it('has the minted id; metadata and unknown members are attributes', () => {
    const body = '{"eventType":"order.placed","payload":{"n":12345678901234567890},"metadata":{"ip":"::1"},"more":1.0}';
    expect(read(body, headers)).toMatchObject({
      ok: true,
      envelope: {
        eventId: headers.id,
        idFromContent: false,
        eventType: 'order.placed',
        payloadJson: '{"n":12345678901234567890}',
        attributesJson: '{"metadata":{"ip":"::1"},"more":1.0}',
      },
    });
  });

  it('takes time and subject from the contract', () => {
    const options = { contractFor: () => ({ eventTimePath: ['at'], subjectPath: ['id'] }) };
    const body = { eventType: 'x', payload: { at: '2020-01-01T00:00:00Z', id: 'o-1' } };
    expect(read(body, headers, options)).toMatchObject({
      envelope: { eventTime: '2020-01-01T00:00:00Z', subject: 'o-1', attributesJson: null },
    });
  });

  it.each([
    [{ payload: {} }, 'missing_type', '$.eventType'],
    [{ eventType: '', payload: {} }, 'missing_type', '$.eventType'],
    [{ eventType: 'x'.repeat(101), payload: {} }, 'invalid_type', '$.eventType'],
    [{ eventType: 'x' }, 'missing_payload', '$.payload'],
    [{ eventType: 'x', payload: [] }, 'invalid_payload', '$.payload'],
    [{ eventType: 'x', payload: 'text' }, 'invalid_payload', '$.payload'],
    [{ eventType: 'x', payload: {}, metadata: 'm' }, 'invalid_member', '$.metadata'],
    ['{"eventType":"x","payload":{"a":1,"a":2}}', 'duplicate_key', '$.payload.a'],
    [[], 'not_an_object', '$'],
  ])('%j is refused at the door and in decoding alike', (body, reason, path) => {
    const refused = { ok: false, refusal: { reason, path } };
    expect(read(body, headers)).toMatchObject(refused);
    expect(inspect(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers)).toMatchObject(
      refused,
    );
  });
});

describe('data of a Pub/Sub message', () => {
  it('is an event; its attributes are kept, and its id comes from the data alone', () => {
    const event = { event_type: 'x', a: 1 };
    const headers = { format: 'pubsub', attributes: '{"messageId":"7","region":"eu"}' } as const;
    expect(read(event, headers)).toMatchObject({
      envelope: {
        eventId: contentId(event),
        idFromContent: true,
        payloadJson: '{"a":1}',
        attributesJson: '{"pubsub":{"messageId":"7","region":"eu"}}',
      },
    });
    expect(read(event, { format: 'pubsub', attributes: '{}' })).toMatchObject({ envelope: { attributesJson: null } });
  });

  it('is a CloudEvent where its attributes are, without percent-decoding', () => {
    const attributes = JSON.stringify({
      'ce-specversion': '1.0',
      'ce-id': '100%25',
      'ce-type': 't',
      'ce-source': '/s',
      'content-type': 'application/json',
    });
    expect(read({ a: 1 }, { format: 'pubsub', attributes })).toMatchObject({
      envelope: { eventId: '100%25', eventType: 't', payload: { a: 1 } },
    });
    expect(inspect(Buffer.from('{}'), { format: 'pubsub', attributes })).toEqual({
      ok: true,
      eventType: 't',
      eventId: '100%25',
    });
    expect(read({ specversion: '1.0', id: '1', type: 't', source: '/s' }, { format: 'pubsub' })).toMatchObject({
      envelope: { eventType: 't' },
    });
  });
});

describe('the body of a webhook', () => {
  const github = { format: 'webhook', attributes: '{"source":"github","id":"d-1","type":"push"}' } as const;

  it('is the payload as a whole; headers give id and type', () => {
    expect(read('{\n "ref": "main"\n}', github)).toMatchObject({
      envelope: {
        eventId: 'd-1',
        eventType: 'github.push',
        payloadJson: '{"ref": "main"}',
        attributesJson: '{"webhook":{"source":"github","id":"d-1","type":"push"}}',
      },
    });
    expect(inspect(Buffer.from('{}'), github)).toEqual({ ok: true, eventType: 'github.push', eventId: 'd-1' });
  });

  it('has type and time of its body where the headers have none (Standard Webhooks)', () => {
    const body = { type: 'invoice.paid', timestamp: '2022-11-03T20:26:10.344522Z', data: {} };
    const headers = { format: 'webhook', attributes: '{"source":"billing","id":"msg_1"}' } as const;
    expect(read(body, headers)).toMatchObject({
      envelope: { eventType: 'billing.invoice.paid', eventTime: '2022-11-03T20:26:10.344522Z' },
    });
    expect(read({ ...body, timestamp: 'yesterday' }, headers)).toMatchObject({
      ok: true,
      envelope: { eventTime: HEADERS.at },
    });
  });

  it('needs neither id nor type', () => {
    expect(read([1], { format: 'webhook', attributes: '{"source":"s"}' })).toMatchObject({
      envelope: { eventType: 's.webhook', eventId: contentId([1]), payloadJson: '[1]' },
    });
  });
});

describe('headers that no gateway writes', () => {
  it.each([
    [{ format: 'webhook', attributes: 'no json' }],
    [{ format: 'pubsub', attributes: '[]' }],
    [{ format: 'ce-binary', attributes: 'null' }],
    [{ format: 'tarball' }],
    [{ format: 'event', at: 'then' }],
  ])('%j are refused as a value', (headers) => {
    expect(read({ event_type: 'x', a: 1 }, headers as never)).toMatchObject({
      ok: false,
      refusal: { reason: 'invalid_headers' },
    });
  });
});
