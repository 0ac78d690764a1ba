import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Duck } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type BatchStaged, GROUPS, TOPICS } from '@millrace/topics';
import {
  appendItems,
  booksOf,
  dataFiles,
  landedBatches,
  MIGRATIONS,
  publishContracts,
  shipmentLines,
  stagedRows,
} from '../testing/lake';
import { startService } from '../testing/service-child';
import { caughtUp, testDuck, until } from '../testing/worker-under-test';

jest.setTimeout(240_000);

describe('kill -9 of the service', () => {
  let database: TestDatabase;
  let root: string;
  let storage: Storage;
  let messaging: Messaging;
  let duck: Duck;
  const children: ReturnType<typeof startService>[] = [];

  beforeAll(async () => (duck = await testDuck()));
  afterAll(() => duck.close());
  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    root = await mkdtemp(path.join(os.tmpdir(), 'curation-'));
    storage = createFilesystemStorage({ root });
    messaging = createPostgresMessaging({ url: database.url, applicationName: 'test' });
    for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
    for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
    await publishContracts(storage);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.process.kill('SIGKILL');
      await child.ended;
    }
    await messaging.close();
    await database.drop();
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });

  const start = (env: Record<string, string> = {}): ReturnType<typeof startService> => {
    const child = startService(database.url, root, {
      LANDING_EVENTS_MAX: '400',
      LANDING_LINGER: '20ms',
      LOG_LEVEL: 'warn',
      ...env,
    });
    children.push(child);
    return child;
  };

  /** batches.staged as a consumer sees them: numbers, and how often each was announced. */
  const announced = async (): Promise<Map<number, number>> => {
    const counts = new Map<number, number>();
    const subscription = await messaging.subscribe({ ...GROUPS.analyticsBatches, eventsMax: 10_000 });
    const end = (await messaging.ends(TOPICS.batchesStaged.name)).get('0') ?? 0;
    for (let seen = 0; seen < end;) {
      const delivery = await subscription.next();
      if (!delivery) break;
      for (const record of delivery.batches.flatMap((batch) => batch.records)) {
        const { number } = JSON.parse(record.value.toString()) as BatchStaged;
        counts.set(number, (counts.get(number) ?? 0) + 1);
        seen++;
      }
      await delivery.ack();
    }
    await subscription.close();
    return counts;
  };

  // Each kind of place once: files and a transaction without COMMIT, a batch that nobody was told of, and
  // a message that is still in the outbox. `npm run chaos -- --failpoints` is the rest, in the whole.
  const PLACES = ['before-commit', 'after-commit', 'after-announce'];

  test(`at ${PLACES.join(', ')} loses nothing, repeats nothing and leaves no file behind`, async () => {
    const all = shipmentLines().slice(0, 6_000);
    const share = all.length / PLACES.length;
    for (const [i, place] of PLACES.entries()) {
      await appendItems(messaging, all.slice(i * share, (i + 1) * share), { appendItems: 250 });
      const crashed = await start({ MILLRACE_FAILPOINTS: `curation-worker/${place}=crash@2` }).ended;
      expect({ place, ...crashed }).toMatchObject({ place, signal: 'SIGKILL', stderr: '' });
    }
    const healed = start();
    await until(() => caughtUp(messaging), 120_000);
    const batches = await landedBatches(database.pool);
    const books = booksOf(batches);
    expect(books.landed + books.duplicate + books.quarantined).toBe(all.length);
    const columns = 'count(*) AS n, count(DISTINCT event_id) AS ids';
    const [events] = await stagedRows(duck, storage, batches, 'clean.events', columns);
    expect([Number(events['n']), Number(events['ids'])]).toEqual([books.landed, books.landed]);
    expect(batches.map((batch) => batch.number)).toEqual(batches.map((_, i) => i + 1));
    const { rows } = await database.pool.query('SELECT count(*)::int AS n FROM curation_worker.quarantine');
    expect(rows[0].n).toBe(books.quarantined);

    // The collector declares the dead epochs dead and deletes what no manifest names.
    const named = new Set(batches.flatMap((batch) => batch.files.map((file) => file.path)));
    await until(async () => (await dataFiles(storage)).every((file) => named.has(file)), 20_000);
    // What the crashed ones landed and did not announce is announced by the other.
    await until(
      async () => ((await messaging.ends(TOPICS.batchesStaged.name)).get('0') ?? 0) >= batches.length,
      20_000,
    );
    expect([...(await announced()).keys()].sort((a, b) => a - b)).toEqual(batches.map((batch) => batch.number));

    healed.process.kill('SIGTERM');
    const end = await healed.ended;
    expect([end.code, end.signal]).toEqual([0, null]);
  });
});
