import { type Messaging, MessagingError } from '@millrace/messaging';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { OutboxRelay } from '@millrace/messaging/outbox';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { type BatchStaged, TOPICS } from '@millrace/topics';
import { PostgresLandingStore } from '../landing/postgres/store';
import { MIGRATIONS } from '../testing/lake';
import { until } from '../testing/worker-under-test';
import { type Announcement, announcement } from './announcement';
import { LandedOutbox, type ResendOptions } from './landed-outbox';

const QUICK: ResendOptions = { unsentMsMax: 0, resendMs: 60_000 };

describe('the outbox and its relay', () => {
  let database: TestDatabase;
  let messaging: MemoryMessaging;
  let outbox: LandedOutbox;
  let lineId: string;

  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    messaging = createMemoryMessaging();
    await messaging.ensureTopic(TOPICS.batchesStaged.name, { partitions: 1 });
    outbox = new LandedOutbox(database.pool, QUICK);
    lineId = (await new PostgresLandingStore(database.pool).line()).id;
  });
  afterEach(async () => {
    await messaging.close();
    await database.drop();
  });

  const relayOver = (over: Messaging = messaging): OutboxRelay<Announcement> =>
    new OutboxRelay({ messaging: over, outbox, pollMs: 3_600_000, onError: () => undefined });

  /** Lands an empty batch: what the relay needs of a landing. */
  async function land(): Promise<Announcement> {
    const store = new PostgresLandingStore(database.pool);
    const epoch = await store.register('w');
    const { first: batchId } = await store.batchIds();
    const message = {
      lineId,
      batchId,
      landedAt: '2026-01-01T00:00:00.000Z',
      contractsIndex: 0,
      topic: 't',
      partition: '0',
      range: null,
      acceptedFrom: null,
      acceptedTo: null,
      files: [],
      counts: [],
    };
    const landing = await store.begin();
    await landing.manifest({
      batchId,
      epoch,
      topic: 't',
      partition: '0',
      range: null,
      landed: 0,
      duplicate: 0,
      quarantined: 0,
      stats: [],
      message,
    });
    const { number } = await landing.commit({ batchId, epoch, contractsIndex: 0, keysEpoch: 0 });
    return announcement(message, number);
  }

  async function announced(): Promise<number[]> {
    const subscription = await messaging.subscribe({
      topic: TOPICS.batchesStaged.name,
      group: `g${Math.random()}`,
      eventsMax: 1_000,
    });
    const end = (await messaging.ends(TOPICS.batchesStaged.name)).get('0') ?? 0;
    const numbers: number[] = [];
    while (numbers.length < end) {
      const delivery = await subscription.next();
      for (const record of delivery?.batches.flatMap((batch) => batch.records) ?? [])
        numbers.push((JSON.parse(record.value.toString()) as BatchStaged).number);
      await delivery?.ack();
    }
    await subscription.close();
    return numbers;
  }

  test('a landed batch is announced with its number and line, once', async () => {
    const relay = relayOver();
    await relay.start();
    relay.offer(await land());
    relay.offer(await land());
    await relay.stop();
    await relay.sweep();
    expect(await announced()).toEqual([1, 2]);
  });

  test('what its worker did not announce is announced by a sweep', async () => {
    await land();
    await land();
    const relay = relayOver();
    await relay.sweep();
    await relay.sweep();
    expect(await announced()).toEqual([1, 2]);
  });

  test('an append whose outcome was unknown is repeated and stored once', async () => {
    let lost = 0;
    const losing = Object.assign(Object.create(messaging) as Messaging, {
      append: async (...call: Parameters<Messaging['append']>) => {
        const appended = await messaging.append(...call);
        if (lost++ === 0) throw new MessagingError('MESSAGING_UNKNOWN', 'the connection was lost');
        return appended;
      },
    });
    const relay = relayOver(losing);
    await relay.start();
    relay.offer(await land());
    await until(() => lost === 1);
    await relay.stop();
    await relay.sweep();
    expect(lost).toBe(2);
    expect(await announced()).toEqual([1]);
  });

  test('batches are announced again while nothing is taken up, and no more once it is', async () => {
    /** As if so many seconds had passed. */
    const pass = async (seconds: number): Promise<void> => {
      const ago = `interval '${seconds} seconds'`;
      await database.pool.query(`UPDATE curation_worker.outbox SET sent_at = sent_at - ${ago}`);
      await database.pool.query(`UPDATE curation_worker.commit_progress SET at = at - ${ago}`);
    };
    for (let i = 0; i < 3; i++) await land();
    const relay = relayOver();
    await relay.sweep();
    await outbox.confirm(lineId, 1);
    await relay.sweep();
    expect(await announced()).toEqual([1, 2, 3]);
    await pass(61);
    await relay.sweep();
    expect(await announced()).toEqual([1, 2, 3, 2, 3]);
    // The wait doubles, and a number that is taken up says that messages arrive.
    await pass(61);
    await relay.sweep();
    await outbox.confirm(lineId, 2);
    await relay.sweep();
    expect(await announced()).toHaveLength(5);
    await outbox.confirm(lineId, 3);
    await pass(600);
    await relay.sweep();
    expect(await announced()).toHaveLength(5);
  });

  test('a clock that was set back keeps nothing from being announced', async () => {
    await land();
    await land();
    const patient = new LandedOutbox(database.pool, { unsentMsMax: 5_000, resendMs: 30_000 });
    expect(await patient.due(10)).toEqual([]);
    await database.pool.query(`UPDATE curation_worker.manifest SET landed_at = clock_timestamp() + interval '1 hour'`);
    const due = await patient.due(10);
    expect(due.map(({ number }) => number)).toEqual([1, 2]);
    await patient.sent(due);
    await patient.confirm(lineId, 1);
    expect(await patient.due(10)).toEqual([]);
    await database.pool.query(`UPDATE curation_worker.outbox SET sent_at = clock_timestamp() + interval '1 hour'`);
    await database.pool.query(`UPDATE curation_worker.commit_progress SET at = clock_timestamp() + interval '1 hour'`);
    expect((await patient.due(10)).map(({ number }) => number)).toEqual([2]);
  });

  test('what is said of another lake confirms nothing, and progress never goes back', async () => {
    await land();
    await outbox.confirm('00000000-0000-4000-8000-000000000000', 99);
    expect(await outbox.due(10)).toHaveLength(1);
    await outbox.confirm(lineId, 1);
    await outbox.confirm(lineId, 0);
    const { rows } = await database.pool.query('SELECT number FROM curation_worker.commit_progress');
    expect(rows).toEqual([{ number: '1' }]);
    expect(await outbox.due(10)).toEqual([]);
  });
});
