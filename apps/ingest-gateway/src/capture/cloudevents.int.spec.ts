import { decodeItem, TestGateway } from '../testing/gateway.client';

const BINARY = { 'ce-specversion': '1.0', 'ce-id': 'e-1', 'ce-source': '/s', 'ce-type': 'com.example.t' };
const EVENT = {
  specversion: '1.0',
  id: 'e-1',
  source: '/s',
  type: 'com.example.t',
  datacontenttype: 'application/json',
  data: { a: 1 },
};

let gateway: TestGateway;
beforeAll(async () => void (gateway = await TestGateway.start()));
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

const envelopes = async () => (await gateway.items()).map(decodeItem).map((d) => (d.ok ? d.envelope : d.refusal));

it('takes binary mode with any data, percent-decoding its attributes once', async () => {
  const headers = { ...BINARY, 'ce-subject': 'a%20%E2%82%AC%2525', 'ce-time': '2026-01-02T03:04:05Z', 'ce-ext': 'x' };
  const bytes = Buffer.from([0, 1, 2, 0xff]);
  for (const [type, body] of [
    ['application/json', Buffer.from('{"n":12345678901234567890}')],
    ['text/plain; charset=utf-8', Buffer.from('Hällo 😀')],
    ['application/octet-stream', bytes],
    ['application/x-ndjson', Buffer.from('{"a":1}\n{"a":2}\n')],
  ] as const) {
    expect(await gateway.post('/v1/events', body, { ...headers, 'content-type': type })).toMatchObject({
      status: 202,
      json: { accepted: 1, quarantined: 0 },
    });
  }
  expect(await envelopes()).toMatchObject([
    { eventId: 'e-1', eventType: 'com.example.t', subject: 'a €%25', payloadJson: '{"n":12345678901234567890}' },
    { payload: 'Hällo 😀' },
    { payload: bytes.toString('base64'), attributesJson: expect.stringContaining('"data_base64":true') },
    { payload: '{"a":1}\n{"a":2}\n' },
  ]);
});

it('takes an event without data and without content type', async () => {
  const answer = await gateway.request('POST', '/v1/events', { headers: BINARY });
  expect(answer).toMatchObject({ status: 202, json: { accepted: 1 } });
  expect(await envelopes()).toMatchObject([{ eventId: 'e-1', payload: null }]);
});

it('keeps and reports a binary event whose attributes or data break a rule', async () => {
  const { 'ce-id': _, ...withoutId } = BINARY;
  for (const [headers, body, rule, path] of [
    [withoutId, '{}', 'invalid_id', '$.id'],
    [{ ...BINARY, 'ce-specversion': '0.3' }, '{}', 'invalid_cloudevent', '$.specversion'],
    [{ ...BINARY, 'ce-datacontenttype': 'text/plain' }, '{}', 'invalid_cloudevent', '$.datacontenttype'],
    [BINARY, '{"a":', 'invalid_json', expect.any(String)],
    [{ ...BINARY, 'ce-time': '2026-02-30T00:00:00Z' }, '{}', 'invalid_time', '$.time'],
  ] as const) {
    const answer = await gateway.post('/v1/events', body, { ...headers, 'content-type': 'application/json' });
    expect(answer.json).toMatchObject({ accepted: 0, quarantined: 1, items: [{ index: 0, error: { rule, path } }] });
  }
  expect(await gateway.items()).toHaveLength(5);
});

it('takes structured and batched mode, which the content type decides whatever else the headers say', async () => {
  const structured = { 'content-type': 'application/cloudevents+json; charset=UTF-8' };
  expect(
    (await gateway.post('/v1/events', JSON.stringify(EVENT), { ...BINARY, ...structured, 'ce-id': 'other' })).status,
  ).toBe(202);
  const batched = { 'content-type': 'application/cloudevents-batch+json' };
  const batch = [EVENT, { ...EVENT, id: 'e-2' }, { ...EVENT, id: '' }, 'x'];
  const answer = await gateway.post('/v1/events?receipts=all', JSON.stringify(batch), batched);
  expect(answer.json.items.map((i: { eventId: string; status: string }) => [i.eventId, i.status])).toEqual([
    ['e-1', 'accepted'],
    ['e-2', 'accepted'],
    [null, 'quarantined'],
    [null, 'quarantined'],
  ]);
  expect((await gateway.post('/v1/events', '[]', batched)).json).toEqual({ accepted: 0, quarantined: 0, items: [] });
  expect(await envelopes()).toMatchObject([{ eventId: 'e-1' }, { eventId: 'e-1' }, { eventId: 'e-2' }, {}, {}]);
});

it.each([
  ['another event format', 'application/cloudevents+avro', '{}', 415],
  ['another charset', 'application/cloudevents+json; charset=utf-16', '{}', 415],
  ['a batch that is no array', 'application/cloudevents-batch+json', '{}', 400],
  ['a structured event that is no JSON', 'application/cloudevents+json', '{"specversion"', 400],
])('refuses %s as no request', async (_, type, body, status) => {
  const answer = await gateway.post('/v1/events', body, { 'content-type': type });
  expect(answer).toMatchObject({
    status,
    json: { status, errors: [{ path: expect.any(String), rule: expect.any(String) }] },
  });
  expect(await gateway.items()).toEqual([]);
});
