import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '@millrace/postgres/testing';
import { createMemoryMessaging } from '../memory';
import { OutboxRelay } from './index';

type Database = Awaited<ReturnType<typeof testDatabase>>;
let database: Database;

beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query('CREATE SCHEMA svc');
  await database.pool.query(
    'CREATE TABLE svc.outbox (id uuid PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY, topic text NOT NULL, body jsonb NOT NULL)',
  );
});
afterAll(() => database.drop());

const leave = (n: number) =>
  database.pool.query('INSERT INTO svc.outbox (id, topic, body) VALUES ($1, $2, $3)', [
    randomUUID(),
    't',
    JSON.stringify({ n }),
  ]);

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
    pool: database.pool,
    schema: 'svc',
    messaging,
    onError: (e: unknown) => errors.push(e),
    sleep: (ms: number) => sleep(ms),
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
  await expect(first.relay()).rejects.toThrow('crashed');
  expect(await left()).toBe(2);
  await new OutboxRelay(options).relay();
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

test('a schema that is no plain name is refused', async () => {
  const { messaging, options } = await setUp();
  expect(() => new OutboxRelay({ ...options, schema: 'svc; drop schema svc' })).toThrow('not a schema name');
  await messaging.close();
});
