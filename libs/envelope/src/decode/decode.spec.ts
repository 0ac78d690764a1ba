import type { Decoded, DecodeOptions, Envelope, InboundHeaders } from '../envelope';
import { contentId } from '../identity/content-id';
import { decode } from './decode';
import { contentIdOfItem } from './inspect';

const AT = '2026-01-02T03:04:05.678Z';
const HEADERS: InboundHeaders = { format: 'event', tenant: 'acme', source: 'http', at: AT };

function read(item: unknown, headers: Partial<InboundHeaders> = {}, options?: DecodeOptions): Decoded {
  const bytes = Buffer.isBuffer(item) ? item : Buffer.from(typeof item === 'string' ? item : JSON.stringify(item));
  return decode(bytes, { ...HEADERS, ...headers }, options);
}

function envelope(item: unknown, headers: Partial<InboundHeaders> = {}, options?: DecodeOptions): Envelope {
  const decoded = read(item, headers, options);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
  return decoded.envelope;
}

describe('decoding an envelope', () => {
  it('fills every column', () => {
    const item = {
      event_id: 'e-1',
      event_type: 'shipment.status.changed',
      event_version: 2,
      event_time: '2013-01-31T05:00:00.5-05:00',
      producer_time: '2013-01-31T10:00:01Z',
      source: 'wms',
      trace_id: 't-1',
      tenant_id: 'acme',
      subject: 's-1',
      payload: { a: 1 },
    };
    expect(envelope(item)).toEqual({
      eventId: 'e-1',
      idFromContent: false,
      eventType: 'shipment.status.changed',
      eventVersion: 2,
      eventTime: '2013-01-31T10:00:00.5Z',
      producerTime: '2013-01-31T10:00:01Z',
      ingestTime: AT,
      source: 'wms',
      traceId: 't-1',
      tenantId: 'acme',
      subject: 's-1',
      payload: { a: 1 },
      payloadJson: '{"a":1}',
      attributesJson: null,
    });
  });

  it('takes what is absent or null from headers and contract', () => {
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    const options = {
      contractFor: (type: string) => (type === 'x' ? { subjectPath: ['who', 'id'], eventTimePath: ['at'] } : undefined),
    };
    const item = {
      event_type: 'x',
      event_id: null,
      event_version: null,
      source: null,
      payload: { who: { id: 7 }, at: '2020-05-06' },
    };
    expect(envelope(item, headers, options)).toMatchObject({
      eventVersion: 1,
      eventTime: '2020-05-06T00:00:00Z',
      source: 'http',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      tenantId: 'acme',
      subject: '7',
    });
    expect(envelope({ event_type: 'y', payload: {} }, headers, options)).toMatchObject({
      eventTime: AT,
      subject: null,
    });
  });

  it('prefers its own time and subject to the contract’s', () => {
    const options = { contractFor: () => ({ subjectPath: ['id'], eventTimePath: ['at'] }) };
    const item = {
      event_type: 'x',
      event_time: '2020-01-01T00:00:00Z',
      subject: 's',
      payload: { id: 'p', at: 'nonsense' },
    };
    expect(envelope(item, {}, options)).toMatchObject({ eventTime: '2020-01-01T00:00:00Z', subject: 's' });
  });

  it('keeps every digit and every character of the payload, on one line', () => {
    const payload = '{"big": 12345678901234567890123 ,\r\n  "price":1.10,"exp":1E3,"u":"\\u0041\\/\u2028 😂"}';
    const { payloadJson, payload: value, payloadRounded } = envelope(`{"event_type":"x","payload": ${payload} }`);
    expect(payloadJson).toBe('{"big": 12345678901234567890123 ,"price":1.10,"exp":1E3,"u":"\\u0041\\/\u2028 😂"}');
    expect(value).toEqual(JSON.parse(payload));
    expect(payloadRounded).toBe(true);
  });

  it('finds members whose names are escaped', () => {
    expect(envelope('{"\\u0065vent_type":"x","p\\u0061yload":{"a":1}}')).toMatchObject({
      eventType: 'x',
      payloadJson: '{"a":1}',
    });
  });

  it('keeps what has no column as attributes, as it was written', () => {
    const text = `{"event_type":"x","ingest_time":"then","metadata":{"n":1.0},"attributes":{"a":1e2,"b":"\\u0041"},
      "extra":12345678901234567890,"tenant_id":"other","payload":{}}`;
    expect(envelope(text).attributesJson).toBe(
      '{"a":1e2,"b":"\\u0041","ingest_time":"then","metadata":{"n":1.0},"extra":12345678901234567890,"tenant_id":"other"}',
    );
  });

  it('never takes the tenant from the producer', () => {
    expect(envelope({ event_type: 'x', tenant_id: 'other', payload: {} })).toMatchObject({
      tenantId: 'acme',
      attributesJson: '{"tenant_id":"other"}',
    });
  });
});

describe('decoding a flat event', () => {
  const order = {
    event_type: 'order',
    order_id: 'o-1',
    customer_id: 'c-1',
    order_date: '2024-03-01T10:00:00Z',
    status: 'placed',
    items: [{ sku: 'a', quantity: 2 }],
    total_amount: 19.9,
    currency: 'EUR',
    event_date: '2024-03-01',
  };
  const inventory = {
    event_type: 'inventory',
    inventory_id: 'i-1',
    product_id: 'p-1',
    quantity_change: -3,
    warehouse_id: 'w-1',
    reason: 'sale',
    timestamp: '2024-03-01T11:00:00+01:00',
    event_date: '2024-03-01',
  };
  const activity = {
    event_type: 'user_activity',
    user_id: 'u-1',
    session_id: 's-1',
    activity_type: 'view',
    page_url: 'https://shop.example/a?b=c',
    timestamp: '2024-03-01T10:00:00.25Z',
    event_date: '2024-03-01',
  };

  it.each([
    ['order', order, AT],
    ['inventory', inventory, '2024-03-01T10:00:00Z'],
    ['user_activity', activity, '2024-03-01T10:00:00.25Z'],
  ])('makes the members of %s its payload', (eventType, item, eventTime) => {
    const { event_type: _, ...payload } = item;
    expect(envelope(item)).toMatchObject({
      eventType,
      eventTime,
      payload,
      payloadJson: JSON.stringify(payload),
      attributesJson: null,
    });
  });

  it('has the time at the contract’s path, before its timestamp', () => {
    const options = { contractFor: () => ({ eventTimePath: ['order_date'] }) };
    expect(envelope({ ...order, timestamp: 1_700_000_000 }, {}, options)).toMatchObject({
      eventTime: '2024-03-01T10:00:00Z',
    });
  });

  it('gives its content id to an event without an id, however it is written', () => {
    const first = envelope(order);
    expect(first).toMatchObject({ eventId: contentId(order), idFromContent: true });
    const reordered = JSON.stringify(Object.fromEntries(Object.entries(order).reverse()), null, 2).replace(
      '19.9',
      '19.90',
    );
    expect(envelope(reordered, { at: '2027-01-01T00:00:00Z', source: 'kafka' }).eventId).toBe(first.eventId);
    expect(contentIdOfItem(Buffer.from(reordered))).toBe(first.eventId);
    expect(envelope({ ...order, total_amount: 19.91 }).eventId).not.toBe(first.eventId);
  });

  it('tells events apart that differ in a digit beyond 2^53', () => {
    const id = (digits: string): string => envelope(`{"event_type":"x","n":${digits}}`).eventId;
    expect(id('9007199254740993')).not.toBe(id('9007199254740992'));
    expect(id('9007199254740993')).toBe(id('9007199254740993 '));
  });

  it('takes members of the envelope out of the payload', () => {
    expect(envelope({ event_type: 'x', event_id: 'e', source: 's', subject: 'u', a: 1 })).toMatchObject({
      eventId: 'e',
      source: 's',
      subject: 'u',
      payloadJson: '{"a":1}',
    });
  });
});
