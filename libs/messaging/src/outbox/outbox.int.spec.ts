import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '@millrace/postgres/testing';
import { createMemoryMessaging } from '../memory';
import { withTraceparent } from '@millrace/observability';
import { type OutboxMessage, OutboxRelay, TableOutbox } from './index';

type Database = Awaited<ReturnType<typeof testDatabase>>;
let database: Database;

beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query('CREATE SCHEMA svc');
  await database.pool.query(
    'CREATE TABLE svc.outbox (id uuid PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY, topic text NOT NULL, body jsonb NOT NULL, traceparent text)',
  );
});
afterAll(() => database.drop());

const leave = (n: number) =>
  new TableOutbox(database.pool, 'svc').leave([{ id: randomUUID(), topic: 't', body: { n } }]);

async function setUp(onAppend: () => void = () => undefined) {
  const messaging = createMemoryMessaging();
  await messaging.ensureTopic('t', { partitions: 1 });
  const append = messaging.append.bind(messaging);
  messaging.append = async (...args) => {
    const appended = await append(...args);
    onAppend();
    return appended;
  };
  const errors: unknown[] = [];
  const options = {
    outbox: new TableOutbox(database.pool, 'svc'),
    messaging,
    onError: (e: unknown) => void errors.push(e),
    pollMs: 20,
  };
  return { messaging, errors, options };
}

async function contents(messaging: ReturnType<typeof createMemoryMessaging>): Promise<number[]> {
  const end = (await messaging.ends('t')).get('0') ?? 0;
  const subscription = await messaging.subscribe({ topic: 't', group: randomUUID() });
  const found: number[] = [];
  while (found.length < end) {
    const delivery = await subscription.next();
    for (const batch of delivery?.batches ?? [])
      for (const { value } of batch.records) found.push(JSON.parse(value.toString()).n);
    await delivery?.ack();
  }
  await subscription.close();
  return found;
}

const left = async () => Number((await database.pool.query('SELECT count(*) AS n FROM svc.outbox')).rows[0].n);

test('what transactions left is sent in order, and then gone', async () => {
  const { messaging, options } = await setUp();
  for (let n = 0; n < 250; n++) await leave(n);
  const relay = new OutboxRelay(options);
  await relay.start();
  while ((await left()) > 0) await sleep(10);
  await relay.stop();
  expect(await contents(messaging)).toEqual(Array.from({ length: 250 }, (_, n) => n));
  await messaging.close();
});

test('a crash between the append and the deletion repeats the append and stores it once', async () => {
  let crashes = 1;
  const { messaging, options } = await setUp(() => {
    if (crashes-- > 0) throw new Error('crashed after the append');
  });
  await leave(1);
  await leave(2);
  const first = new OutboxRelay(options);
  await expect(first.sweep()).rejects.toThrow('crashed');
  expect(await left()).toBe(2);
  await new OutboxRelay(options).sweep();
  expect(await left()).toBe(0);
  expect(await contents(messaging)).toEqual([1, 2]);
  await messaging.close();
});

test('two relays at once send everything once', async () => {
  const { messaging, options } = await setUp();
  for (let n = 0; n < 120; n++) await leave(n);
  const relays = [new OutboxRelay(options), new OutboxRelay(options)];
  await Promise.all(relays.map((relay) => relay.start()));
  while ((await left()) > 0) await sleep(10);
  await Promise.all(relays.map((relay) => relay.stop()));
  expect((await contents(messaging)).sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, n) => n));
  await messaging.close();
});

test('a schema that is no plain name is refused', () => {
  expect(() => new TableOutbox(database.pool, 'svc; drop schema svc')).toThrow('not a schema name');
});

test('a message is sent in the trace in which it was left', async () => {
  const { messaging, options } = await setUp();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await withTraceparent(traceparent, () => leave(1));
  await leave(2);
  const subscription = await messaging.subscribe({ topic: 't', group: 'traced' });
  await new OutboxRelay(options).sweep();
  const headers: unknown[] = [];
  while (headers.length < 2) {
    const delivery = await subscription.next();
    for (const { header, records } of delivery?.batches ?? [])
      for (const record of records) headers.push([header.traceparent, record.headers.traceparent]);
    await delivery?.ack();
  }
  expect(headers).toEqual([
    [traceparent, traceparent],
    [undefined, undefined],
  ]);
  await subscription.close();
  await messaging.close();
});

test('what is offered is sent without looking, and what could not be sent is found by looking', async () => {
  let failures = 0;
  const { messaging, options, errors } = await setUp(() => {
    if (failures-- > 0) throw new Error('the log is away');
  });
  const offered: OutboxMessage[] = [1, 2, 3].map((n) => ({
    id: randomUUID(),
    topic: 't',
    json: JSON.stringify({ n }),
  }));
  const unsent = new Set(offered);
  let looks = 0;
  const outbox = {
    due: async () => (looks++, [...unsent]),
    sent: async (messages: readonly OutboxMessage[]) => messages.forEach((message) => unsent.delete(message)),
  };
  unsent.clear();
  const patient = new OutboxRelay({ ...options, outbox, pollMs: 3_600_000 });
  await patient.start();
  while (looks === 0) await sleep(1);
  unsent.add(offered[0]);
  patient.offer(offered[0]);
  while (unsent.size > 0) await sleep(1);
  expect(looks).toBe(1);
  await patient.stop();
  const relay = new OutboxRelay({ ...options, outbox });
  await relay.start();
  failures = 1;
  for (const message of offered.slice(1)) {
    unsent.add(message);
    relay.offer(message);
  }
  while (unsent.size > 0) await sleep(5);
  await relay.stop();
  expect(errors).toHaveLength(1);
  expect(await contents(messaging)).toEqual([1, 2, 3]);
  await messaging.close();
});
