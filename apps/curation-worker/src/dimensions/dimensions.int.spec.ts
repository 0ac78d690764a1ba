import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadContract } from '@millrace/contracts';
import { type Duck, openDuck } from '@millrace/lakehouse';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, TOPICS } from '@millrace/topics';
import { PostgresLandingStore } from '../landing/postgres/store';
import { appendItems, dataFiles, landedBatches, MIGRATIONS, publishContracts, stagedRows } from '../testing/lake';
import { caughtUp, startWorker, until, type WorkerUnderTest } from '../testing/worker-under-test';
import { type DimensionLoad, loadDimension } from './load-dimension';

const VISITS = `
apiVersion: v3.1.0
kind: DataContract
id: visits
name: visits
version: 1.0.0
status: active
schema:
  - name: visits
    physicalName: visits
    properties:
      - { name: facility, logicalType: string }
customProperties:
  - { property: eventTypes, value: [visit] }
  - property: enrich
    value:
      - dimension: facilities
        key: $.payload.facility
        columns: { facility_name: name, latitude: { from: lat, type: double }, zone: tzone }
`;

describe('dimensions', () => {
  let database: TestDatabase;
  let root: string;
  let storage: Storage;
  let messaging: MemoryMessaging;
  let duck: Duck;
  let running: WorkerUnderTest;

  // Reading rows takes 128 MiB for each of the three connections.
  beforeAll(async () => (duck = await openDuck({ memoryLimitMb: 640, threads: 1 })));
  afterAll(() => duck.close());
  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    root = await mkdtemp(path.join(os.tmpdir(), 'dimensions-'));
    storage = createFilesystemStorage({ root });
    messaging = createMemoryMessaging({ leaseMs: 2_000, pollMs: 50 });
    await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: TOPICS.eventsInbound.partitions });
    await messaging.ensureGroup(GROUPS.curation.topic, GROUPS.curation.group);
    await publishContracts(storage, 1, [{ file: 'visits.odcs.yaml', contract: loadContract(VISITS), yaml: VISITS }]);
    running = await startWorker({ messaging, store: new PostgresLandingStore(database.pool), storage, duck });
    await until(() => running.worker.epoch !== null && running.dimensionLoads.keeper.current !== null);
  });
  afterEach(async () => {
    await running.stop();
    await messaging.close();
    await database.drop();
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });

  const facilities = (body: string | Buffer, more: Partial<DimensionLoad> = {}): DimensionLoad => ({
    ...{ tenant: 'default', name: 'facilities', mode: 'upsert', effectiveMs: null, format: 'csv', key: null },
    ...{ types: new Map(), body: Buffer.from(body) },
    ...more,
  });
  const load = async (body: string | Buffer, more: Partial<DimensionLoad> = {}) => {
    const loaded = await loadDimension(running.dimensionLoads, facilities(body, more));
    await running.dimensionLoads.keeper.refresh();
    return loaded;
  };
  let visits = 0;
  const visit = (facility: unknown, time: string): Buffer =>
    Buffer.from(
      JSON.stringify({
        event_id: `v-${++visits}`,
        event_type: 'visit',
        source: 's',
        event_time: time,
        payload: { facility },
      }),
    );
  const land = async (...events: Buffer[]): Promise<void> => {
    await appendItems(messaging, events);
    await until(() => caughtUp(messaging));
  };

  test('land as batches of the line, and events get what was in force at their time', async () => {
    const first = await load(readFileSync(path.join(__dirname, '../../../../demo/shipments/facilities.csv')));
    expect(first).toMatchObject({ number: 1, counts: { added: 1458 }, entry: { version: 1, keys: 1458 } });
    const again = await load(readFileSync(path.join(__dirname, '../../../../demo/shipments/facilities.csv')));
    expect(again).toMatchObject({ number: null, counts: { added: 0, unchanged: 1458 }, entry: { version: 1 } });
    const moved = await load('faa,name,lat\nEWR,Newark Two,1.5\n', { effectiveMs: Date.UTC(2026, 5, 1) });
    expect(moved).toMatchObject({ number: 2, counts: { updated: 1 }, entry: { version: 2, keys: 1458 } });

    await land(
      visit('EWR', '2026-05-31T23:59:59.999Z'),
      visit('EWR', '2026-06-01T00:00:00Z'),
      visit('nowhere', '2026-06-01T00:00:00Z'),
      visit(null, '2026-06-01T00:00:00Z'),
    );
    const batches = await landedBatches(database.pool);
    const rows = await stagedRows(duck, storage, batches, 'clean.visits');
    const shown = rows
      .sort((a, b) => Number(a._raw_line) - Number(b._raw_line))
      .map((row) => [row.facility, row.facility_name, row.latitude, row.zone, row.facilities_missing]);
    expect(shown).toEqual([
      ['EWR', 'Newark Liberty Intl', 40.6925, 'America/New_York', false],
      ['EWR', 'Newark Two', 1.5, null, false],
      ['nowhere', null, null, null, true],
      [null, null, null, null, true],
    ]);

    const staged = await stagedRows(duck, storage, batches, 'dim.facilities');
    expect(staged).toHaveLength(1459);
    expect(staged.filter((row) => row.dimension_key === 'EWR')).toMatchObject([
      { name: 'Newark Liberty Intl', lat: 40.6925, tenant_id: 'default', is_deleted: false, valid_to: null },
      { name: 'Newark Two', lat: 1.5, tzone: null, valid_to: null },
    ]);
    expect((await dataFiles(storage)).filter((file) => file.startsWith('raw/dimension=facilities/'))).toHaveLength(2);
  });

  test('of two loads at once each is laid over the other, and each tenant has its own', async () => {
    const loads = Array.from({ length: 6 }, (_, i) => load(`code,name\nk${i % 3},n${i}\n`));
    await Promise.all([...loads, load('id,size\nk0,7\n', { tenant: 'other' })]);
    const entry = await running.dimensionLoads.store.dimension('default', 'facilities');
    expect(entry).toMatchObject({ version: 6, keys: 3, keyColumn: 'code' });
    expect(await running.dimensionLoads.store.dimension('other', 'facilities')).toMatchObject({
      ...{ version: 1, keyColumn: 'id', attributes: [{ name: 'size', type: 'long' }] },
    });
    const numbers = (await landedBatches(database.pool)).map(({ number }) => number);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await land(visit('k0', '2026-06-01T00:00:00Z'));
    const [row] = await stagedRows(duck, storage, await landedBatches(database.pool), 'clean.visits');
    expect(['n0', 'n3']).toContain(row.facility_name);
  });

  test('whose history is damaged are as they were known before, and hold up nobody', async () => {
    await load('code,name\nk0,first\n');
    const { entry } = await loadDimension(running.dimensionLoads, facilities('code,name\nk0,second\n'));
    await storage.put(entry.path, Buffer.from('no gzip'));
    await running.dimensionLoads.keeper.refresh();
    await land(visit('k0', '2026-06-01T00:00:00Z'));
    const [row] = await stagedRows(duck, storage, await landedBatches(database.pool), 'clean.visits');
    expect(row).toMatchObject({ facility_name: 'first', facilities_missing: false });
  });

  test('that would exceed the memory for all of them are refused, and one that is asked for later is not taken', async () => {
    await running.stop();
    const store = new PostgresLandingStore(database.pool);
    running = await startWorker({ messaging, store, storage, duck, dimensionsBytesMax: 100_000 });
    await until(() => running.worker.epoch !== null && running.dimensionLoads.keeper.current !== null);
    const many = (from: number, to: number): string =>
      ['code,name', ...Array.from({ length: to - from }, (_, i) => `k${from + i},${'n'.repeat(30)}`)].join('\n');
    await load(many(0, 1_000));
    const { keeper } = running.dimensionLoads;
    expect(keeper.notice()).toBeNull();
    await expect(load(many(1_000, 2_000))).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('DIMENSIONS_MEMORY_MAX is 1 MiB'),
    });
    // Another tenant's has no room beside it, either.
    const ofOther = { ...facilities(many(0, 1_000)), tenant: 'other' };
    await expect(loadDimension(running.dimensionLoads, ofOther)).rejects.toMatchObject({ status: 409 });
    await land(visit('k7', '2026-06-01T00:00:00Z'));
    const [row] = await stagedRows(duck, storage, await landedBatches(database.pool), 'clean.visits');
    expect(row).toMatchObject({ facility_name: 'n'.repeat(30), facilities_missing: false });

    await running.stop();
    running = await startWorker({ messaging, store, storage, duck, dimensionsBytesMax: 10_000 });
    await until(() => running.worker.epoch !== null && running.dimensionLoads.keeper.current !== null);
    expect(running.dimensionLoads.keeper.notice()).toBe('dimensions that exceed DIMENSIONS_MEMORY_MAX: facilities');
  });

  test('that fail to land leave nothing, and may be repeated', async () => {
    const { dimensionLoads } = running;
    const failing = {
      ...dimensionLoads,
      stager: { use: () => Promise.reject(new Error('no room')) },
    };
    await expect(loadDimension(failing, facilities('code,name\na,b\n'))).rejects.toThrow('no room');
    expect(await dimensionLoads.store.dimension('default', 'facilities')).toBeNull();
    const left: string[] = [];
    for (const prefix of ['dimensions/', 'raw/', 'staged/'])
      for await (const { path: found } of storage.list(prefix)) left.push(found);
    expect(left).toEqual([]);
    expect(await load('code,name\na,b\n')).toMatchObject({ number: 1, entry: { version: 1 } });
  });
});
