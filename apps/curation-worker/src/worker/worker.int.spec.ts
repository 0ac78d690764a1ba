import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Duck } from '@millrace/lakehouse';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, TOPICS } from '@millrace/topics';
import { Opener } from '../privacy/opener';
import { PostgresKeyStore } from '../privacy/postgres/key-store';
import { parseSealedLine } from '../staging/raw-line';
import { testProtections } from '../testing/protections';
import { PostgresLandingStore } from '../landing/postgres/store';
import {
  appendItems,
  booksOf,
  dataFiles,
  landedBatches,
  MIGRATIONS,
  publishContracts,
  rawLines,
  shipmentLines,
  stagedRows,
} from '../testing/lake';
import {
  caughtUp,
  startWorker,
  testDuck,
  until,
  type WorkerParts,
  type WorkerUnderTest,
} from '../testing/worker-under-test';

const LINES = 12_000;

describe('curation, from the log to landed batches', () => {
  let database: TestDatabase;
  let root: string;
  let storage: Storage;
  let messaging: MemoryMessaging;
  let duck: Duck;
  const running: WorkerUnderTest[] = [];

  beforeAll(async () => (duck = await testDuck()));
  afterAll(() => duck.close());
  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    root = await mkdtemp(path.join(os.tmpdir(), 'curation-'));
    storage = createFilesystemStorage({ root });
    messaging = createMemoryMessaging({ leaseMs: 2_000, pollMs: 50 });
    await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: TOPICS.eventsInbound.partitions });
    await messaging.ensureGroup(GROUPS.curation.topic, GROUPS.curation.group);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((worker) => worker.stop()));
    await messaging.close();
    await database.drop();
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });

  const start = async (parts: Partial<WorkerParts> = {}): Promise<WorkerUnderTest> => {
    const worker = await startWorker({
      messaging,
      store: new PostgresLandingStore(database.pool),
      keys: new PostgresKeyStore(database.pool),
      storage,
      duck,
      ...parts,
    });
    running.push(worker);
    return worker;
  };
  const drained = (): Promise<void> => until(() => caughtUp(messaging), 60_000);

  // Which events of the data set land is known, and asked of the pipeline's spec and, of the whole, of the demo.
  test('lands real, dirty lines, every byte raw and every table in agreement', async () => {
    await publishContracts(storage);
    const lines = shipmentLines().slice(0, LINES);
    await appendItems(messaging, lines);
    await start();
    await drained();
    const batches = await landedBatches(database.pool);

    const books = booksOf(batches);
    expect(books.landed + books.duplicate + books.quarantined).toBe(LINES);
    for (const count of [books.landed / 100, books.duplicate, books.quarantined]) expect(count).toBeGreaterThan(10);
    expect(batches.map((batch) => batch.number)).toEqual(batches.map((_, i) => i + 1));

    const [events] = await stagedRows(
      duck,
      storage,
      batches,
      'clean.events',
      'count(*) AS n, count(DISTINCT dedupe_key) AS keys, count(DISTINCT event_id) AS ids',
    );
    expect(Object.values(events).map(Number)).toEqual([books.landed, books.landed, books.landed]);
    const [typed] = await stagedRows(
      duck,
      storage,
      batches,
      'clean.shipment_events',
      'count(*) AS n, count(shipment_id) AS s, count(DISTINCT event_id) AS ids',
    );
    expect(Object.values(typed).map(Number)).toEqual([books.landed, books.landed, books.landed]);
    const fates = await stagedRows(duck, storage, batches, 'ops.fates', 'fate, _raw_part, _raw_line');
    expect(fates).toHaveLength(books.duplicate + books.quarantined);

    // Each line went into exactly one raw line, byte for byte.
    const raw = await rawLines(storage, batches);
    const digest = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
    const keys = new PostgresKeyStore(database.pool);
    const opener = new Opener(testProtections(storage, keys), keys);
    expect(raw.filter(({ text }) => parseSealedLine(text)).length).toBeGreaterThan(books.landed / 2);
    const bodies = (await opener.lines(raw.map(({ text }) => text))).map((text) => {
      if (typeof text !== 'string') throw new Error(`a raw line is ${text.why}`);
      const body = text.indexOf('"body":');
      const parsed = body < 0 ? (JSON.parse(text) as { text?: string; base64?: string }) : null;
      if (!parsed) return Buffer.from(text.slice(body + 7, -1));
      return parsed.text !== undefined ? Buffer.from(parsed.text) : Buffer.from(parsed.base64 as string, 'base64');
    });
    expect(digest(Buffer.from(bodies.map(digest).sort().join()))).toBe(
      digest(Buffer.from(lines.map(digest).sort().join())),
    );

    // A raw line landed exactly if the fates do not name it.
    const landedRaw = await stagedRows(duck, storage, batches, 'clean.events', '_raw_part, _raw_line');
    const place = (row: Record<string, unknown>): string => `${row['_raw_part']}:${row['_raw_line']}`;
    const accounted = [...landedRaw, ...fates].map(place).sort();
    expect(digest(Buffer.from(accounted.join()))).toBe(
      digest(
        Buffer.from(
          raw
            .map((line) => `${line.path}:${line.line}`)
            .sort()
            .join(),
        ),
      ),
    );

    const { rows } = await database.pool.query(
      'SELECT raw, headers, sealed_by AS "sealedBy" FROM curation_worker.quarantine',
    );
    const sent = new Set(lines.map(digest));
    expect(rows).toHaveLength(books.quarantined);
    for (const item of await opener.items(rows)) expect(item.ok && sent.has(digest(item.raw))).toBe(true);
  });

  test('two workers at once, with redelivered and reordered input, land each event once', async () => {
    await publishContracts(storage);
    const lines = shipmentLines().slice(0, 12_000);
    const worker = await start({ options: { eventsMax: 700 } });
    await start({ options: { eventsMax: 900 } });
    await appendItems(messaging, lines, { appendItems: 311 });
    await appendItems(messaging, [...lines].reverse(), { appendItems: 173 });
    await drained();
    await worker.stop();
    await appendItems(messaging, lines.slice(0, 3_000), { appendItems: 97 });
    await drained();

    const batches = await landedBatches(database.pool);
    const books = booksOf(batches);
    expect(books.landed + books.duplicate + books.quarantined).toBe(27_000);
    const [events] = await stagedRows(
      duck,
      storage,
      batches,
      'clean.events',
      'count(*) AS n, count(DISTINCT event_id) AS ids',
    );
    expect(Number(events['n'])).toBe(books.landed);
    expect(Number(events['ids'])).toBe(books.landed);
    expect(batches.map((batch) => batch.number)).toEqual(batches.map((_, i) => i + 1));
    const named = new Set(batches.flatMap((batch) => batch.files.map((file) => file.path)));
    expect((await dataFiles(storage)).filter((file) => !named.has(file))).toEqual([]);
  });

  test('nothing lands before contracts have been published', async () => {
    await appendItems(messaging, shipmentLines().slice(0, 100));
    const { worker } = await start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(worker.ready()).toBe('no contracts have been published yet');
    expect(await landedBatches(database.pool)).toEqual([]);
    await publishContracts(storage);
    await drained();
    expect(booksOf(await landedBatches(database.pool))).toMatchObject({ landed: expect.any(Number) });
  });

  test('an unknown event type lands in clean.events alone', async () => {
    await publishContracts(storage);
    const event = {
      event_id: 'a',
      event_type: 'new/type 1',
      event_time: '2026-01-02T03:04:05.123456Z',
      payload: { n: '@', big: 1 },
    };
    const text = JSON.stringify(event).replace('"@"', '12345678901234567890123.10');
    await appendItems(messaging, [Buffer.from(text)]);
    await start();
    await drained();
    const batches = await landedBatches(database.pool);
    expect(batches[0].files.map((file) => [file.kind, file.table])).toEqual([
      ['clean', 'clean.events'],
      ['raw', 'new/type 1'],
    ]);
    const [row] = await stagedRows(
      duck,
      storage,
      batches,
      'clean.events',
      '* REPLACE (event_time::VARCHAR AS event_time, event_date::VARCHAR AS event_date)',
    );
    expect(row).toMatchObject({
      event_type: 'new/type 1',
      payload: '{"n":12345678901234567890123.10,"big":1}',
      event_time: '2026-01-02 03:04:05.123456+00',
      event_date: '2026-01-02',
      _contract_version: null,
      _raw_line: 1,
    });
  });
});
