import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from '@millrace/postgres';
import { type GatewayDatabase, gatewayDatabase, type Received, TestGateway } from '../testing/gateway.client';
import { shipment } from '../testing/sample-events';
import { rawPost, RawConnection } from '@millrace/service/fuzzing';

const MIB = 1 << 20;
let gateway: TestGateway;
let database: GatewayDatabase | undefined;
afterEach(async () => {
  await gateway.stop();
  await database?.drop();
  database = undefined;
});

function expectUnavailable(answer: Received, detail: RegExp, retryAfter = '1'): void {
  expect(answer.status).toBe(503);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('retry-after')).toBe(retryAfter);
  expect(answer.json.detail).toMatch(detail);
}

/** Lets no append end until it is released. */
async function holdLog(): Promise<{ release(): Promise<void> }> {
  const client: PoolClient = await gateway.database.pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM log.head FOR UPDATE');
  return {
    release: async () => {
      await client.query('ROLLBACK');
      client.release();
    },
  };
}

async function metric(name: string): Promise<number> {
  const { text } = await gateway.request('GET', '/metrics');
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function until(what: () => Promise<boolean>, msMax = 30_000): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('it did not come to that in time');
    await sleep(20);
  }
}

const readiness = async () => (await gateway.request('GET', '/readiness')).json;

it('a full log is answered 503 until there is room, and readiness says so', async () => {
  gateway = await TestGateway.start();
  expect((await gateway.postJson('/v1/events', shipment(1))).status).toBe(202);
  await gateway.database.pool.query('UPDATE log.topic SET bytes_max = 10');
  const key = { 'idempotency-key': 'k-1' };
  const refused = await gateway.postJson('/events', { eventType: 'a', payload: {} }, key);
  expectUnavailable(refused, /log is full.*Nothing/, '30');
  expect(await readiness()).toMatchObject({ status: 'not ready', resources: { log: 'the log is full' } });
  expect(await gateway.items()).toHaveLength(1);
  await gateway.database.pool.query('UPDATE log.topic SET bytes_max = NULL');
  // For a moment it is not even tried. The key was left free: the same request is tried again.
  await until(async () => (await gateway.postJson('/events', { eventType: 'a', payload: {} }, key)).status === 201);
  expect(await readiness()).toMatchObject({ status: 'ready' });
  expect(await gateway.items()).toHaveLength(2);
});

it('beyond the queue’s memory requests are refused at once; what was taken is answered when the log moves on', async () => {
  gateway = await TestGateway.start({ GATEWAY_QUEUE_BYTES_MAX: '1MiB', GATEWAY_QUEUE_WAIT_MAX: '30s' });
  const hold = await holdLog();
  const blob = 'x'.repeat(100_000);
  const sent = Array.from({ length: 30 }, (_, n) =>
    gateway.postJson('/v1/events', { event_type: 'a', event_id: `e-${n}`, blob }),
  );
  const early: Received[] = [];
  for (const answer of sent) void answer.then((received) => early.push(received));
  await until(async () => early.length >= 20);
  for (const answer of early) expectUnavailable(answer, /More is waiting.*Nothing/);
  expect(early.length).toBe(20);
  expect(await metric('millrace_queue_bytes')).toBeLessThanOrEqual(MIB);
  // Ten thousand tiny items weigh more than their bytes.
  const tiny = await gateway.post('/v1/events', '1\n'.repeat(10_000), { 'content-type': 'application/x-ndjson' });
  expectUnavailable(tiny, /More is waiting/);
  await hold.release();
  const answers = await Promise.all(sent);
  const taken = answers.filter(({ status }) => status === 202);
  expect(taken).toHaveLength(10);
  expect(await gateway.items()).toHaveLength(10);
  expect(await metric('millrace_queue_bytes')).toBe(0);
  expect((await gateway.postJson('/v1/events', shipment(1))).status).toBe(202);
});

it('a request that waits too long for its append is refused, and nothing of it is stored later', async () => {
  gateway = await TestGateway.start({ GATEWAY_QUEUE_WAIT_MAX: '300ms', GATEWAY_APPENDS_IN_FLIGHT_MAX: '1' });
  const hold = await holdLog();
  const first = gateway.postJson('/v1/events', shipment(1));
  await until(async () => (await metric('millrace_queue_bytes')) > 0);
  const late = await Promise.all([2, 3, 4].map((n) => gateway.postJson('/v1/events', shipment(n))));
  for (const answer of late) expectUnavailable(answer, /taken nothing for too long.*Nothing/);
  await hold.release();
  expect((await first).status).toBe(202);
  expect(await gateway.items()).toHaveLength(1);
});

it('a log that does not answer is given up, its requests are told that the outcome is unknown or nothing was stored', async () => {
  gateway = await TestGateway.start({ GATEWAY_APPEND_TIMEOUT: '300ms', GATEWAY_APPEND_RETRY_MAX: '0ms' });
  const hold = await holdLog();
  const answer = await gateway.postJson('/v1/events', shipment(1));
  expectUnavailable(answer, /unknown|Nothing/);
  await hold.release();
  expect((await gateway.postJson('/v1/events', shipment(2))).status).toBe(202);
  const kept = (await gateway.items()).map(({ value }) => JSON.parse(value.toString()).event_id);
  if (/Nothing/.test(answer.json.detail)) expect(kept).toEqual(['20130201-US2:created']);
});

it('bodies under way share a bounded memory: one too many is refused, and what is released serves others', async () => {
  gateway = await TestGateway.start({ GATEWAY_BODY_BYTES_MAX: '32MiB' });
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': 15 * MIB };
  const connections = await Promise.all([1, 2, 3].map(() => RawConnection.open(gateway.port)));
  for (const connection of connections.slice(0, 2))
    await connection.write(rawPost('/v1/events', headers, Buffer.alloc(14 * MIB, 0x20)));
  await until(async () => (await metric('millrace_body_bytes')) === 28 * MIB);
  await connections[2].write(rawPost('/v1/events', headers, Buffer.alloc(15 * MIB, 0x20)));
  expect(await connections[2].answer()).toMatchObject({ status: 503, head: expect.stringMatching(/retry-after: 1/i) });
  expect(await metric('millrace_body_bytes')).toBe(28 * MIB);
  // Small bodies that arrive in one piece are taken as before.
  expect((await gateway.postJson('/v1/events', shipment(1))).status).toBe(202);
  connections[0].close();
  await until(async () => (await metric('millrace_body_bytes')) === 14 * MIB);
  await connections[2].write(rawPost('/v1/events', headers, Buffer.alloc(15 * MIB, 0x20)));
  expect(await connections[2].answer()).toMatchObject({ status: 202 });
  await connections[1].write(Buffer.alloc(MIB, 0x20));
  expect(await connections[1].answer()).toMatchObject({ status: 202 });
  for (const connection of connections) connection.close();
  await until(async () => (await metric('millrace_body_bytes')) === 0);
});

it('with too little of the disk free nothing is taken, and readiness says why', async () => {
  gateway = await TestGateway.start({ DISK_FREE_PERCENT_MIN: '100' });
  expectUnavailable(await gateway.postJson('/v1/events', shipment(1)), /less than 100 % of the disk/, '30');
  expect(await readiness()).toMatchObject({ resources: { disk: 'less than 100 % of the disk is free' } });
  expect((await gateway.request('GET', '/health')).status).toBe(200);
});

it('a stop answers what is under way', async () => {
  database = await gatewayDatabase();
  const stopping = await TestGateway.start({}, { database });
  gateway = stopping;
  const hold = await holdLog();
  const sent = Array.from({ length: 20 }, (_, n) => gateway.postJson('/v1/events', shipment(n)));
  // And the one that asks.
  await until(async () => (await metric('http_server_active_requests')) === sent.length + 1);
  const stopped = stopping.stop();
  await sleep(200);
  await hold.release();
  const answers = await Promise.all(sent);
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
  await stopped;
  gateway = await TestGateway.start({}, { database });
  expect(await gateway.items()).toHaveLength(20);
});
