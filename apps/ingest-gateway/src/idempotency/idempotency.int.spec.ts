import { derivedEventId } from '@millrace/envelope';
import { decodeItem, gatewayDatabase, TestGateway } from '../testing/gateway.client';
import { shipment } from '../testing/sample-events';

const BODY = { eventType: 'order.created', payload: { n: 1 } };
let keys = 0;
const newKey = () => ({ 'idempotency-key': `key-${++keys}` });

let gateway: TestGateway;
beforeAll(async () => void (gateway = await TestGateway.start({ IDEMPOTENCY_LOCK: '1s' })));
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

it('answers a repeated request with the first answer and stores it once', async () => {
  const key = newKey();
  const first = await gateway.postJson('/events', BODY, key);
  const second = await gateway.postJson('/events', BODY, key);
  expect(first.status).toBe(201);
  expect([second.status, second.text]).toEqual([first.status, first.text]);
  expect(first.headers.has('idempotency-replayed')).toBe(false);
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(await gateway.items()).toHaveLength(1);
});

it('derives the event id from the key, so that the same request is the same event wherever it is handled', async () => {
  const { json } = await gateway.postJson('/events', BODY, { 'idempotency-key': 'abc' });
  expect(json.eventId).toBe(derivedEventId('default', 'POST /events', 'abc', 0));
  // The draft's quoted form is the same key.
  const quoted = await gateway.postJson('/events', BODY, { 'idempotency-key': '"abc"' });
  expect(quoted.headers.get('idempotency-replayed')).toBe('true');
});

it.each([
  ['another body', { ...BODY, payload: { n: 2 } }, {}],
  ['another content type', BODY, { 'content-type': 'application/json; charset=utf-8' }],
])('refuses %s under a used key', async (_, body, headers) => {
  const key = newKey();
  await gateway.postJson('/events', BODY, key);
  const answer = await gateway.postJson('/events', body, { ...key, ...headers });
  expect(answer).toMatchObject({
    status: 422,
    json: { errors: [{ path: 'header.idempotency-key', rule: 'mismatch' }] },
  });
  expect(await gateway.items()).toHaveLength(1);
});

it('refuses another query or other CloudEvents attributes under a used key', async () => {
  const key = newKey();
  const event = { ...key, 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
  expect((await gateway.postJson('/v1/events', {}, event)).status).toBe(202);
  expect((await gateway.postJson('/v1/events?receipts=all', {}, event)).status).toBe(422);
  expect((await gateway.postJson('/v1/events', {}, { ...event, 'ce-id': '2' })).status).toBe(422);
  expect((await gateway.postJson('/v1/events', {}, { ...event, 'x-request-id': 'another' })).status).toBe(202);
});

it('keeps one key apart on two routes and on two sources of webhooks', async () => {
  const key = newKey();
  expect((await gateway.postJson('/events', BODY, key)).status).toBe(201);
  expect((await gateway.postJson('/v1/events', shipment(1), key)).status).toBe(202);
  expect((await gateway.postJson('/v1/webhooks/one', BODY, key)).status).toBe(202);
  expect((await gateway.postJson('/v1/webhooks/two', BODY, key)).status).toBe(202);
  expect(await gateway.items()).toHaveLength(4);
});

it('answers 409 while the first is under way, and takes over when it was left by a crash', async () => {
  const key = newKey();
  // What a gateway that was killed in the middle leaves behind.
  const first = await gateway.postJson('/events', BODY, key);
  const lock = (until: string): Promise<unknown> =>
    gateway.database.pool.query(
      `UPDATE ingest_gateway.idempotency_key SET status = NULL, body = NULL, locked_until = clock_timestamp() + $2::interval
       WHERE key = $1`,
      [key['idempotency-key'], until],
    );
  await lock('1 hour');
  const early = await gateway.postJson('/events', BODY, key);
  expect(early).toMatchObject({ status: 409, json: { errors: [{ rule: 'in_flight' }] } });
  expect(early.headers.get('retry-after')).toBe('1');
  expect((await gateway.postJson('/events', { ...BODY, payload: {} }, key)).status).toBe(422);
  await lock('-1 ms');
  const late = await gateway.postJson('/events', BODY, key);
  expect(late.text).toBe(first.text);
  // Both are in the log under one id: dedupe makes one event of them.
  const ids = (await gateway.items()).map(decodeItem).map((d) => d.ok && d.envelope.eventId);
  expect(ids).toEqual([first.json.eventId, first.json.eventId]);
});

it('lets one of many requests at once be the first', async () => {
  const key = newKey();
  const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.postJson('/events', BODY, key)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
  expect(new Set(answers.filter(({ status }) => status === 201).map(({ text }) => text)).size).toBe(1);
  expect(await gateway.items()).toHaveLength(1);
});

it('replays a refusal too, and a partial one', async () => {
  const key = newKey();
  const first = await gateway.postJson('/events', { eventType: 'a' }, key);
  const second = await gateway.postJson('/events', { eventType: 'a' }, key);
  expect([first.status, second.status]).toEqual([400, 400]);
  const { requestId: _, ...problem } = first.json;
  expect(second.json).toMatchObject(problem);
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  const batch = newKey();
  const mixed = await gateway.postJson('/v1/events', [shipment(1), null], batch);
  expect((await gateway.postJson('/v1/events', [shipment(1), null], batch)).text).toBe(mixed.text);
  expect(await gateway.items()).toHaveLength(2);
});

it.each(['', 'a b', 'x'.repeat(256), '"open', '"a"b"', 'é'])('refuses the key %p', async (key) => {
  const answer = await gateway.postJson('/events', BODY, { 'idempotency-key': key });
  expect(answer).toMatchObject({ status: 400, json: { errors: [{ path: 'header.idempotency-key', rule: 'format' }] } });
  expect(await gateway.items()).toEqual([]);
});

it('forgets answers after their time, whether or not they are pruned yet', async () => {
  const key = newKey();
  const first = await gateway.postJson('/events', BODY, key);
  await gateway.database.pool.query(
    `UPDATE ingest_gateway.idempotency_key SET created_at = clock_timestamp() - interval '25 hours' WHERE key = $1`,
    [key['idempotency-key']],
  );
  const other = await gateway.postJson('/events', { ...BODY, payload: { n: 2 } }, key);
  expect(other.status).toBe(201);
  expect(other.headers.has('idempotency-replayed')).toBe(false);
  expect(other.json.eventId).toBe(first.json.eventId);
});

it('prunes expired answers at its start', async () => {
  const database = await gatewayDatabase();
  await database.pool.query(
    `INSERT INTO ingest_gateway.idempotency_key (tenant, route, key, request_hash, status, body, locked_until, created_at)
     SELECT 'default', 'r', n::text, '', 201, '{}', now(), now() - CASE WHEN n <= 12000 THEN interval '2 days' ELSE interval '1 hour' END
     FROM generate_series(1, 12010) n`,
  );
  const other = await TestGateway.start({}, { database });
  const { rows } = await database.pool.query('SELECT count(*)::int AS n FROM ingest_gateway.idempotency_key');
  await other.stop();
  await database.drop();
  expect(rows[0].n).toBe(10);
});
