import { type TestDatabase, testDatabase } from '@millrace/postgres/testing';
import { newAppendId } from '../append-id';
import {
  batchOf,
  codeOf,
  freshTopic,
  nextOf,
  numbered,
  record,
  take,
  total,
  until,
  valuesOf,
} from '../testing/records';
import { PostgresMessaging, type PostgresMessagingOptions } from './engine';
import { MIGRATIONS_DIR } from './index';

let database: TestDatabase;
const opened: PostgresMessaging[] = [];
beforeAll(async () => {
  database = await testDatabase({ migrations: [{ schema: 'log', dir: MIGRATIONS_DIR }] });
});
afterEach(async () => void (await Promise.all(opened.splice(0).map((messaging) => messaging.abandon()))));
afterAll(() => database.drop());

/** Patient about everything: what happens soon happens because it was told, not because time passed. */
function open(options: Partial<PostgresMessagingOptions> = {}): PostgresMessaging {
  const messaging = new PostgresMessaging({
    url: database.url,
    applicationName: 'engine-spec',
    leaseMs: 60_000,
    pollMs: 60_000,
    keepMs: 0,
    trimEveryMs: 0,
    ...options,
  });
  opened.push(messaging);
  return messaging;
}

describe('the Postgres engine', () => {
  it('hears of appends without polling, also after its connections were cut', async () => {
    const [writer, reader] = [open(), open()];
    const topic = await freshTopic(writer, { partitions: 2 });
    const subscription = await reader.subscribe({ topic, group: 'g' });
    for (let round = 0; round < 3; round++) {
      const waiting = nextOf(subscription);
      const listening = `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE application_name = 'engine-spec listener' AND datname = current_database()`;
      await until(async () => (await database.pool.query(listening)).rows[0].n === 2 || round === 0);
      await writer.append(topic, batchOf(`${round}`));
      expect(valuesOf(await waiting)).toEqual([`${round}`]);
      await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'engine-spec%' AND datname = current_database() AND pid <> pg_backend_pid()`,
      );
    }
  });

  it('takes its partitions back at once when it returns under its name', async () => {
    const first = open({ memberId: 'worker-1' });
    const topic = await freshTopic(first, { partitions: 3 });
    await first.append(topic, batchOf('a'), { partition: '1' });
    const lost = await nextOf(await first.subscribe({ topic, group: 'g' }));
    await first.abandon();
    const second = open({ memberId: 'worker-1' });
    const again = await second.subscribe({ topic, group: 'g' });
    expect(again.partitions()).toEqual(['0', '1', '2']);
    const delivery = await nextOf(again);
    expect([valuesOf(delivery), delivery.attempts]).toEqual([['a'], 1]);
    await lost.ack();
    expect(await total(second.committed(topic, 'g'))).toBe(0);
  });

  it('knows an append again after the topic has gained partitions', async () => {
    const [first, second] = [open(), open()];
    const topic = await freshTopic(first, { partitions: 1 });
    const batch = { header: { appendId: newAppendId() }, records: numbered('k', 20).map((key) => record(key, key)) };
    const original = await first.append(topic, batch);
    await second.ensureTopic(topic, { partitions: 5 });
    expect(await first.append(topic, batch)).toEqual(original);
    expect(await second.append(topic, batch)).toEqual(original);
    expect(await total(first.ends(topic))).toBe(20);
    const placed = await first.append(topic, { ...batch, header: { appendId: newAppendId() } });
    expect(placed.length).toBeGreaterThan(1);
  });

  it('reads a backlog of many small batches and of few large ones in full deliveries', async () => {
    const messaging = open();
    const topic = await freshTopic(messaging, { partitions: 1 });
    await Promise.all(Array.from({ length: 600 }, (_, i) => messaging.append(topic, batchOf(`s${i}`))));
    for (let i = 0; i < 6; i++) await messaging.append(topic, batchOf(...numbered(`l${i}-`, 400)));
    const subscription = await messaging.subscribe({ topic, group: 'g', eventsMax: 1_000 });
    const counts: number[] = [];
    for (let count = 0; count < 3_000; count += counts[counts.length - 1]) {
      const delivery = await nextOf(subscription);
      counts.push(delivery.count);
      await delivery.ack();
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(1_000);
    // The reader does not know the size of batches when it begins; it finds out.
    expect(counts.length).toBeLessThan(14);
  });

  it('says at once that it is unavailable when it cannot connect, and when too much waits', async () => {
    const away = open({ url: 'postgresql://postgres@127.0.0.1:1/nothing' });
    expect(await codeOf(away.append('t', batchOf('a')))).toBe('MESSAGING_UNAVAILABLE');
    expect(await codeOf(away.subscribe({ topic: 't', group: 'g' }))).toBe('MESSAGING_UNAVAILABLE');

    const bounded = open({ appendsPendingMax: 3 });
    const topic = await freshTopic(bounded, { partitions: 1 });
    const codes = await Promise.all(Array.from({ length: 6 }, () => codeOf(bounded.append(topic, batchOf('a')))));
    expect(codes.filter((code) => code === 'MESSAGING_UNAVAILABLE')).toHaveLength(3);
    expect(codes.filter((code) => code === undefined)).toHaveLength(3);
  });

  it('finishes appends under way before it closes', async () => {
    const messaging = open();
    const topic = await freshTopic(messaging, { partitions: 2 });
    const appends = Array.from({ length: 30 }, (_, i) => messaging.append(topic, batchOf(`${i}`)));
    await messaging.close();
    await Promise.all(appends);
    expect((await take(await open().subscribe({ topic, group: 'g' }), 30)).length).toBe(30);
  });

  it('stops the partition of a damaged batch and no other', async () => {
    const messaging = open();
    const topic = await freshTopic(messaging, { partitions: 2 });
    for (const partition of ['0', '1']) await messaging.append(topic, batchOf('a', 'b'), { partition });
    await database.pool.query(
      `UPDATE log.batch SET body = set_byte(body, 30, get_byte(body, 30) # 1)
       WHERE part = 0 AND topic = (SELECT id FROM log.topic WHERE name = $1)`,
      [topic],
    );
    const subscription = await messaging.subscribe({ topic, group: 'g' });
    const outcomes = [];
    for (let i = 0; i < 2; i++)
      outcomes.push(
        await nextOf(subscription).then(
          ({ partition }) => partition,
          ({ code }) => code,
        ),
      );
    expect(outcomes.sort()).toEqual(['1', 'CODEC_CHECKSUM']);
    expect((await messaging.committed(topic, 'g')).get('0')).toBe(0);
  });
});
