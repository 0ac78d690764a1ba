import { decodeItem, TestGateway } from '../testing/gateway.client';

const ROUTE = '/api/v1/ingest_event';
const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');
const push = (message: Record<string, unknown>) => ({
  message: { messageId: '136969346945', publishTime: '2026-01-02T03:04:05.678Z', ...message },
  subscription: 'projects/p/subscriptions/s',
});

let gateway: TestGateway;
beforeAll(async () => void (gateway = await TestGateway.start()));
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

const envelopes = async () => (await gateway.items()).map(decodeItem).map((d) => (d.ok ? d.envelope : d.refusal));

it('takes a push message, answers with its data, and keeps the data exactly', async () => {
  const data = '{"event_type":"order.created", "order_id":12345678901234567890}';
  const answer = await gateway.postJson(
    ROUTE,
    push({ data: base64(data), attributes: { origin: 'crm' }, orderingKey: 'k' }),
  );
  expect(answer.status).toBe(200);
  expect(answer.text).toBe(`{"status":"success","message_data":${data}}`);
  const [item] = await gateway.items();
  expect(item.value.toString()).toBe(data);
  expect(item.headers).toMatchObject({ format: 'pubsub', source: 'pubsub', attributes: '{"origin":"crm"}' });
  const [{ header }] = await gateway.batches();
  expect(header.counts).toMatchObject([{ source: 'pubsub', count: 1 }]);
});

it('gives an event without an id its content id, whatever Pub/Sub says of the message', async () => {
  const data = base64({ event_type: 'a', x: 1 });
  await gateway.postJson(ROUTE, push({ data, messageId: '1', attributes: { try: '1' } }));
  await gateway.postJson(
    ROUTE,
    push({ data: base64({ x: 1, event_type: 'a' }), messageId: '2', publishTime: '2027-01-01T00:00:00Z' }),
  );
  const [first, second] = await envelopes();
  expect(first).toMatchObject({ idFromContent: true, eventId: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(second).toMatchObject({ eventId: (first as { eventId: string }).eventId });
});

it('takes what Eventarc sends under CloudEvents headers, also URL-safe and unpadded base64', async () => {
  const eventarc = {
    'ce-specversion': '1.0',
    'ce-id': '3103425958877813',
    'ce-source': '//pubsub.googleapis.com/projects/p/topics/t',
    'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
  };
  const data = Buffer.from('{"event_type":"a","s":"ÿÿÿ>>>???"}').toString('base64url');
  expect((await gateway.postJson(ROUTE, push({ data }), eventarc)).status).toBe(200);
  expect(await envelopes()).toMatchObject([{ eventType: 'a', idFromContent: true, payload: { s: 'ÿÿÿ>>>???' } }]);
});

it.each([
  ['no JSON', 'hello', '"hello"'],
  ['no UTF-8', Buffer.from([0xff, 0x00]), '"/wA="'],
  ['no event', '{"a":1}', '{"a":1}'],
  ['JSON nested too deep', `${'['.repeat(70)}${']'.repeat(70)}`, JSON.stringify(`${'['.repeat(70)}${']'.repeat(70)}`)],
  ['nothing', '', '""'],
])('acknowledges and keeps data that is %s: sent again it would be no better', async (_, data, shown) => {
  const answer = await gateway.postJson(ROUTE, push({ data: Buffer.from(data).toString('base64') }));
  expect(answer.status).toBe(200);
  expect(answer.text).toBe(`{"status":"success","message_data":${shown}}`);
  const [item] = await gateway.items();
  expect(item.value).toEqual(Buffer.from(data));
  expect(decodeItem(item).ok).toBe(false);
});

it('keeps a message larger than an event may be, for quarantine: Pub/Sub would send it for ever', async () => {
  const data = JSON.stringify({ event_type: 'a', blob: 'x'.repeat(1 << 20) });
  expect((await gateway.postJson(ROUTE, push({ data: base64(data) }))).status).toBe(200);
  expect(await envelopes()).toMatchObject([{ reason: 'item_too_large' }]);
});

it('takes a message of attributes alone, and null for what is absent', async () => {
  for (const message of [{ attributes: { a: '1' } }, { data: null, attributes: null }]) {
    expect((await gateway.postJson(ROUTE, push(message))).status).toBe(200);
  }
  expect((await gateway.items()).map(({ value }) => value.length)).toEqual([0, 0]);
});

it.each([
  ['no JSON', '{"message":', '$', 'invalid_json'],
  ['no object', '[]', '$', 'type'],
  ['empty', '', '$', 'invalid_json'],
  ['no message', '{}', '$.message', 'required'],
  ['a message that is a list', '{"message":[]}', '$.message', 'type'],
  ['data that is a number', '{"message":{"data":5}}', '$.message.data', 'base64'],
  ['data that is an object', '{"message":{"data":{}}}', '$.message.data', 'base64'],
  ['data that is no base64', '{"message":{"data":"a b"}}', '$.message.data', 'base64'],
  ['data cut off', '{"message":{"data":"abcde"}}', '$.message.data', 'base64'],
  ['attributes that are a list', '{"message":{"attributes":[]}}', '$.message.attributes', 'type'],
  ['an attribute that is a number', '{"message":{"attributes":{"a b":1}}}', '$.message.attributes["a b"]', 'type'],
  ['a name twice', '{"message":{"data":"","data":"eA=="}}', '$.message', 'duplicate_key'],
  ['two messages', '{"message":{},"message":{}}', '$', 'duplicate_key'],
  ['__proto__', '{"message":{"attributes":{"__proto__":"x"}}}', '$', 'forbidden_key'],
  ['deep nesting', `{"message":{},"x":${'['.repeat(70)}${']'.repeat(70)}}`, '$', 'too_deep'],
  ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), '$', 'invalid_utf8'],
])('refuses an envelope with %s, naming path and rule', async (_, body, path, rule) => {
  const answer = await gateway.post(ROUTE, body, { 'content-type': 'application/json' });
  expect(answer).toMatchObject({ status: 400, json: { errors: [{ path, rule }] } });
  expect(await gateway.items()).toEqual([]);
});

it('refuses attributes larger than the log takes beside an event', async () => {
  const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`a${n}`, '"'.repeat(1_000)]));
  const answer = await gateway.postJson(ROUTE, push({ data: '', attributes }));
  expect(answer).toMatchObject({
    status: 413,
    json: { errors: [{ path: '$.message.attributes', rule: 'headers_too_large' }] },
  });
});

it('repeats the data under an Idempotency-Key, and does not keep it with the answer', async () => {
  const request = push({ data: base64('{"event_type":"a","payload":{"email":"ada@example.org"}}') });
  const headers = { 'idempotency-key': 'pushed' };
  const [first, again] = [
    await gateway.postJson(ROUTE, request, headers),
    await gateway.postJson(ROUTE, request, headers),
  ];
  expect(first.json.message_data.payload).toEqual({ email: 'ada@example.org' });
  expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
  const { rows } = await gateway.database.pool.query('SELECT body FROM ingest_gateway.idempotency_key');
  expect(rows).toEqual([{ body: '{"status":"success"}' }]);
});
