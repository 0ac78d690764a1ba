import { noFailpoints } from '@millrace/observability/failpoints';
import { DeltaTable, type Duck } from '@millrace/lakehouse';
import { createMemoryMessaging } from '@millrace/messaging/memory';
import { systemClock } from '@millrace/observability';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import { EVENT_DATE_COLUMN, EVENTS_COLUMNS, GROUPS, TOPICS } from '@millrace/topics';
import { LakeKeys } from '../claims/lake-keys';
import { LandedBefore } from '../claims/landed-before';
import { PostgresLandingStore } from '../landing/postgres/store';
import { LandedOutbox } from '../outbox/landed-outbox';
import { shipmentEvent } from '../testing/landing-bench';
import { appendItems, booksOf, dataFiles, landedBatches, MIGRATIONS, publishContracts } from '../testing/lake';
import { caughtUp, startWorker, testDuck, testLogger, until } from '../testing/worker-under-test';
import { Collector } from './collector';
import { PostgresUpkeep } from './postgres-upkeep';
import { pruneClaims, pruneInbox } from './prune-claims';
import { deletePassedFiles } from './staged-files';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();

describe('housekeeping', () => {
  let database: TestDatabase;
  let storage: Storage;
  let store: PostgresLandingStore;
  let duck: Duck;

  beforeAll(async () => (duck = await testDuck()));
  afterAll(() => duck.close());
  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    storage = createMemoryStorage();
    store = new PostgresLandingStore(database.pool);
    await publishContracts(storage);
  });
  afterEach(() => database.drop());

  const query = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;

  /** Lands items through a worker of its own. */
  async function curate(items: Buffer[], landedBefore?: LandedBefore): Promise<void> {
    const messaging = createMemoryMessaging({ pollMs: 20 });
    await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: 1 });
    await messaging.ensureGroup(GROUPS.curation.topic, GROUPS.curation.group);
    // A log of its own: the position of the one before is of no use.
    await query('TRUNCATE curation_worker.position');
    await appendItems(messaging, items, { partitions: 1, headers: { at: new Date().toISOString() } });
    const worker = await startWorker({
      messaging,
      store,
      storage,
      duck,
      landedBefore: landedBefore && ((candidates) => landedBefore.find(candidates)),
    });
    await until(() => caughtUp(messaging));
    await worker.stop();
    await messaging.close();
  }

  describe('pruning claims', () => {
    const claimsLeft = async (): Promise<number> =>
      (await query('SELECT count(*)::int AS n FROM curation_worker.claims'))[0].n;
    const insertClaims = (from: number, to: number, daysAgo: number) =>
      query(
        `INSERT INTO curation_worker.claims SELECT lpad(to_hex(i), 32, '0')::uuid, 1, 0, current_date - $3::int FROM generate_series($1::int, $2::int) i`,
        [from, to, daysAgo],
      );
    const accepted = (at: string) =>
      query(
        `INSERT INTO curation_worker.position (topic, partition, next, epoch, accepted_to) VALUES ('t', '0', 0, 1, ${at})`,
      );

    test('goes one day a day, oldest first, and keeps what is within its window', async () => {
      await insertClaims(1, 2_000, 5);
      await insertClaims(2_001, 3_000, 4);
      await insertClaims(3_001, 4_000, -10);
      await accepted('now()');
      expect(await pruneClaims(database.pool, signal, 0)).toEqual({ horizon: expect.any(String), deleted: 2_000 });
      expect(await pruneClaims(database.pool, signal, 0)).toEqual({ horizon: null, deleted: 0 });
      expect(await claimsLeft()).toBe(2_000);
      await query(`UPDATE curation_worker.claims_pruning SET advanced_at = advanced_at - interval '25 hours'`);
      expect((await pruneClaims(database.pool, signal, 0)).deleted).toBe(1_000);
      for (let day = 0; day < 10; day++) {
        await query(`UPDATE curation_worker.claims_pruning SET advanced_at = advanced_at - interval '25 hours'`);
        await pruneClaims(database.pool, signal, 0);
      }
      expect(await claimsLeft()).toBe(1_000);
    });

    test('the horizon is known for a while before anything is deleted', async () => {
      await insertClaims(1, 10, 5);
      await accepted('now()');
      expect((await pruneClaims(database.pool, signal)).deleted).toBe(0);
      expect(await store.pruned()).not.toBeNull();
      expect(await claimsLeft()).toBe(10);
    });

    test('age is measured to the newest accept time where that is earlier: a service that was off forgets nothing', async () => {
      await insertClaims(1, 10, 5);
      expect((await pruneClaims(database.pool, signal, 0)).horizon).toBeNull();
      await accepted(`now() - interval '60 days'`);
      expect((await pruneClaims(database.pool, signal, 0)).horizon).toBeNull();
      expect(await claimsLeft()).toBe(10);
    });

    /** As many days of pruning as it takes to come up to today. */
    const pruneToToday = async (): Promise<void> => {
      for (let day = 0; day < 12; day++) {
        await pruneClaims(database.pool, signal, 0);
        await query(`UPDATE curation_worker.claims_pruning SET advanced_at = advanced_at - interval '25 hours'`);
      }
    };

    test('claims of batches that are not in the tables yet stay, and go once they are', async () => {
      await curate([shipmentEvent('a')]);
      await query('UPDATE curation_worker.claims SET keep_until = current_date - 2');
      await pruneToToday();
      expect(await claimsLeft()).toBe(1);
      const [batch] = await landedBatches(database.pool);
      await new LandedOutbox(database.pool).confirm(batch.lineId, batch.number);
      await query('UPDATE curation_worker.claims_pruning SET pruned_to = current_date - 1, deleted_to = NULL');
      await pruneToToday();
      expect(await claimsLeft()).toBe(0);
    });

    test('the claim of an event from the future is kept until its own window has passed', async () => {
      const keptFor = async (daysAhead: number): Promise<number> => {
        await query('TRUNCATE curation_worker.claims');
        const time = new Date(Date.now() + daysAhead * DAY_MS).toISOString();
        await curate([shipmentEvent(`e${daysAhead}`, {}, { event_time: time })]);
        return (await query('SELECT keep_until - current_date AS days FROM curation_worker.claims'))[0].days;
      };
      expect(await keptFor(-400)).toBe(30);
      expect(await keptFor(0)).toBe(30);
      expect(await keptFor(10)).toBe(40);
    });

    test('the shortest window ever decides what is looked up, also after it was raised', async () => {
      await query('UPDATE curation_worker.claims_pruning SET pruned_to = current_date');
      await store.adoptContracts(1, 2);
      await store.adoptContracts(2, 30);
      const pruned = await store.pruned();
      expect(pruned).toEqual({ to: expect.any(String), windowDaysMin: 2 });
      let looked = 0;
      const inLake = async () => {
        looked++;
        return new Map();
      };
      const before = new LandedBefore({ inLake, pruned: async () => pruned, clock: systemClock });
      const candidate = (daysAgo: number) => ({
        ...{ key: '0'.repeat(32), fingerprint: '0'.repeat(16), windowDays: 30 },
        envelope: {
          eventId: 'e',
          eventType: 't',
          source: 's',
          eventTime: new Date(Date.now() - daysAgo * DAY_MS).toISOString(),
        },
      });
      await before.find([candidate(1)]);
      expect(looked).toBe(0);
      await before.find([candidate(4)]);
      expect(looked).toBe(1);
    });

    test('an event whose claim is gone is looked up in the lake', async () => {
      await curate([shipmentEvent('a'), shipmentEvent('b')]);
      const staged = (await landedBatches(database.pool))
        .flatMap((batch) => batch.files)
        .filter((file) => file.table === 'clean.events');
      const table = await DeltaTable.create(storage, 'clean/events', {
        duck,
        schema: EVENTS_COLUMNS.map(({ name, type }) => ({ name, type: type as 'string' })),
        partitionBy: [EVENT_DATE_COLUMN],
      });
      await table.appendFiles({
        files: await Promise.all(staged.map((file) => storage.localPath(file.path))),
        set: { _loaded_at: "TIMESTAMPTZ '2026-01-01T00:00:00Z'" },
      });
      await query('TRUNCATE curation_worker.claims');
      const lakeKeys = new LakeKeys({ storage, duck, clock: systemClock });
      const before = new LandedBefore({
        ...{ pruned: () => store.pruned(), clock: systemClock },
        inLake: (old) => lakeKeys.find(old),
      });
      await query('UPDATE curation_worker.claims_pruning SET pruned_to = current_date');

      await curate(
        [
          shipmentEvent('a'),
          shipmentEvent('c'),
          shipmentEvent('d', {}, { event_time: new Date(Date.now() - DAY_MS).toISOString() }),
        ],
        before,
      );
      expect(booksOf((await landedBatches(database.pool)).slice(1))).toEqual({
        landed: 2,
        duplicate: 1,
        quarantined: 0,
      });
      expect(await claimsLeft()).toBe(2);
    });
  });

  test('messages without positions are remembered for their time', async () => {
    await query(
      `INSERT INTO curation_worker.inbox SELECT 't', i::text, 1, now() - (i % 2) * interval '40 days' FROM generate_series(1, 12000) i`,
    );
    expect(await pruneInbox(database.pool, 35 * DAY_MS)).toBe(6_000);
    expect(await pruneInbox(database.pool, 35 * DAY_MS)).toBe(0);
  });

  test('staged files are deleted once they are in the tables and old enough; raw parts and the rest stay', async () => {
    await curate([shipmentEvent('a'), Buffer.from('no json')]);
    await curate([shipmentEvent('b')]);
    const [first, second] = await landedBatches(database.pool);
    expect(await deletePassedFiles(new PostgresUpkeep(database.pool), storage, 0, signal)).toBe(0);
    await new LandedOutbox(database.pool).confirm(first.lineId, first.number);
    expect(await deletePassedFiles(new PostgresUpkeep(database.pool), storage, DAY_MS, signal)).toBe(0);
    expect(await deletePassedFiles(new PostgresUpkeep(database.pool), storage, 0, signal)).toBe(3);
    expect(await deletePassedFiles(new PostgresUpkeep(database.pool), storage, 0, signal)).toBe(0);
    const raw = first.files.filter((file) => file.kind === 'raw').map((file) => file.path);
    expect((await dataFiles(storage)).sort()).toEqual([...raw, ...second.files.map((file) => file.path)].sort());
    expect((await landedBatches(database.pool))[0].files.map((file) => file.path).sort()).toEqual(raw.sort());
  });

  describe('the collector', () => {
    let nowMs = 0;
    const collector = (): Collector =>
      new Collector(
        { store: new PostgresUpkeep(database.pool), storage, logger: testLogger, failpoint: noFailpoints },
        () => nowMs,
      );
    const write = (path: string) => storage.createIfAbsent(path, Buffer.from('x'));

    test('deletes what a silent worker left, and nothing that a manifest names or a living worker writes', async () => {
      await curate([shipmentEvent('a')]);
      const kept = await dataFiles(storage);
      const [dead, living] = [await store.register('dead'), await store.register('living')];
      await store.declareDate(dead, '2026-11-20');
      const left = [
        'raw/event_type=a/ingest_date=2026-11-20/part-900-E.jsonl.gz',
        'raw/event_type=%2Fz/ingest_date=2026-11-21/part-901-E.jsonl.gz',
        'staged/clean.events/b900-E.parquet',
      ];
      for (const path of left) await write(path.replace('E', String(dead)));
      const others = left.map((path) => path.replace('E', String(living)));
      for (const path of others) await write(path);

      const round = collector();
      const third = await store.register('third');
      expect(await round.collect(third, 60_000)).toBe(0);
      nowMs += 59_000;
      expect(await round.collect(third, 60_000)).toBe(0);
      await store.heartbeat(living);
      nowMs += 1_000;
      expect(await round.collect(third, 60_000)).toBe(3);
      expect((await dataFiles(storage)).sort()).toEqual([...kept, ...others].sort());
      expect(await store.heartbeat(dead)).toBe(false);
      expect(await store.heartbeat(living)).toBe(true);
      expect(await round.collect(third, 60_000)).toBe(0);
    });

    test('a landing under way is waited for: its files stay when it commits', async () => {
      const [epoch, other] = [await store.register('slow'), await store.register('other')];
      const batchId = (await store.batchIds()).first;
      await write(`staged/clean.events/b${batchId}-${epoch}.parquet`);
      // As take_number does it, but holding on for a while.
      const client = await database.pool.connect();
      await client.query('BEGIN');
      await client.query('SELECT FROM curation_worker.worker WHERE epoch = $1 AND alive FOR SHARE', [epoch]);
      const round = collector();
      await round.collect(other, 60_000);
      nowMs += 60_000;
      const collecting = round.collect(other, 60_000);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await client.query(
        `INSERT INTO curation_worker.manifest (batch_id, number, epoch, topic, partition, landed, duplicate, quarantined, message) VALUES ($1, 1, $2, 't', '0', 0, 0, 0, '{}')`,
        [batchId, epoch],
      );
      await client.query('COMMIT');
      client.release();
      expect(await collecting).toBe(0);
      expect(await dataFiles(storage)).toHaveLength(1);
    });
  });
});
