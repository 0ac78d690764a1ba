import { compile, loadContract, readCatalogDir } from '@millrace/contracts';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type BatchStaged, type ErasureResult, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { martDifferences } from '../testing/mart-oracle';
import { createRig, type Rig } from '../testing/rig';
import { SHIPMENT_EVENTS } from '../testing/staged-line';
import { PostgresTableErasures } from './postgres-store';

const YAML = `
apiVersion: v3.1.0
kind: DataContract
id: 11111111-1111-4111-8111-111111111111
name: orders
version: 1.0.0
status: active
schema: [{ name: orders, properties: [{ name: customer, logicalType: string }, { name: note, logicalType: string }] }]
customProperties: [{ property: eventTypes, value: [order] }]
`;
const ORDERS = compile(loadContract(YAML));
const CONTRACTS = [...readCatalogDir(), { file: 'orders.odcs.yaml', yaml: YAML, contract: loadContract(YAML) }];
const DAYS = ['2026-03-01', '2026-03-02'];
const signal = new AbortController().signal;
const MARTS_EQUAL = { 'mart.shipments_daily': 0, 'mart.on_time_performance': 0, 'mart.exceptions': 0 };

let rig: Rig;
let erasures: PostgresTableErasures;
let store: PostgresCommitStore;
let batches: BatchStaged[];
beforeEach(async () => {
  rig = await createRig();
  erasures = new PostgresTableErasures(rig.database.pool, v4);
  store = new PostgresCommitStore(rig.database.pool);
  batches = [];
});
afterEach(() => rig.dispose());

async function managerOf(failpoint?: Failpoint<'table-manager'>): Promise<TableManager> {
  const manager = rig.manager({
    failpoint,
    contracts: CONTRACTS,
    ports: { erasures },
    settings: { erasureGraceMs: 0 },
  });
  await manager.contracts.publish();
  return manager;
}

/** Shipments of which those of one driver are under the key s1, on the first of two days; and orders of two customers. */
async function land(manager: TableManager, key = 's1'): Promise<BatchStaged> {
  const driver = `CASE WHEN shipment % 4 = 0 THEN 'tok_${key}_driverdriverdriverdri' ELSE 'tok_s9_x' END`;
  const batch = await rig.line.batch({
    ...{ rows: 32, days: DAYS, typed: { driver_id: driver } },
    others: [
      {
        ...{ eventType: 'order', contract: ORDERS },
        payloads: [
          { customer: `tok_${key}_abcdefghijklmnopqrstuv`, note: 'clear words of a person' },
          { customer: 'tok_s9_abcdefghijklmnopqrstuv', note: 'of another' },
          { customer: `rev_${key}_abcdefghijklmnopqrstuvwxyz`, note: 'clear words' },
        ],
      },
    ],
  });
  batches.push(batch);
  await store.receive([batch]);
  while (await manager.rounds.commit());
  return batch;
}

const request = (id: string, number: number, keys = ['s1']): Promise<void> =>
  erasures.request({ id, lineId: rig.line.lineId, keys, number, at: '2026-03-01T00:00:00Z' });

/** Until the erasure is done; rounds that fail are tried again, as loops do. */
async function erase(manager: TableManager): Promise<void> {
  for (let round = 0; await erasures.next(); round++) {
    if (round > 60) throw new Error(`it does not come to an end: ${JSON.stringify(await erasures.next())}`);
    await manager.rounds.erase(signal).catch(() => undefined);
    await manager.rounds.rebuild().catch(() => undefined);
  }
}

const count = async (table: string, where = 'true'): Promise<number> =>
  Number((await rig.query((relation) => `SELECT count(*) AS n FROM ${relation} WHERE ${where}`, table))[0]?.n ?? -1);
const filesOf = async (prefix: string): Promise<number> => {
  let n = 0;
  for await (const { path } of rig.lake.storage.list(prefix)) n += path.endsWith('.parquet') ? 1 : 0;
  return n;
};

async function results(): Promise<ErasureResult[]> {
  const { rows } = await rig.database.pool.query(
    `SELECT body FROM table_manager.outbox WHERE topic = $1 ORDER BY seq`,
    [TOPICS.erasureResults.name],
  );
  return rows.map(({ body }) => body as ErasureResult);
}

/** The marts as they would be had the erased rows never been. */
async function martsWithout(): Promise<Record<string, number>> {
  const kept = await Promise.all(
    batches.map(async (batch) => ({
      ...batch,
      files: await Promise.all(
        batch.files.map(async (file) => {
          if (file.table !== SHIPMENT_EVENTS) return file;
          const path = `oracle/${file.path}`;
          const staged = await rig.lake.storage.stage(path);
          await rig.lake.duck.query(
            `COPY (SELECT * FROM read_parquet('${await rig.lake.storage.localPath(file.path)}')
                    WHERE NOT contains(driver_id, '_s1_')) TO '${staged.localPath}' (FORMAT parquet)`,
          );
          await staged.publish();
          return { ...file, path };
        }),
      ),
    })),
  );
  return martDifferences(rig, kept);
}

test('rows of an erased subject leave all tables and their former versions; marts are as if they had never been', async () => {
  const manager = await managerOf();
  await land(manager);
  await land(manager);
  await manager.rounds.rebuild();
  expect(await count(SHIPMENT_EVENTS, `contains(driver_id, 'tok_s1_')`)).toBe(16);
  const before = await rig.catalog();
  const id = v4();
  await request(id, 3);
  // The third batch is not committed yet: it may hold such rows.
  expect(await manager.rounds.erase(signal)).toBe(false);
  expect((await results()).at(-1)).toMatchObject({ status: 'running', waitingFor: 'batches up to 3 to be committed' });
  await land(manager);
  await request(id, 3);
  await erase(manager);

  expect(await count(SHIPMENT_EVENTS, `contains(driver_id, '_s1_')`)).toBe(0);
  expect(await count(SHIPMENT_EVENTS)).toBe(3 * 24);
  expect(await count('clean.events')).toBe(3 * 33);
  expect(await count(ORDERS.table)).toBe(3);
  expect(await martsWithout()).toEqual(MARTS_EQUAL);
  const [last] = (await results()).slice(-1);
  expect(last).toMatchObject({ id, status: 'done', waitingFor: null });
  expect(last.deleted).toMatchObject({
    rows: { 'clean.events': 6, [SHIPMENT_EVENTS]: 24, [ORDERS.table]: 6 },
    martPartitions: { 'mart.shipments_daily': ['2026-03-01'] },
  });
  expect(last.deleted.files).toBeGreaterThan(6);
  expect((await results()).map(({ revision }) => revision)).toEqual((await results()).map((_, i) => i + 1));
  // Time travel finds nothing any more; and nothing else is lost.
  for (const table of ['clean.events', SHIPMENT_EVENTS])
    await expect(rig.query((relation) => `SELECT count(*) AS n FROM ${relation}`, table, before)).rejects.toThrow();
  await land(manager);
  await manager.rounds.rebuild();
  expect(await count(SHIPMENT_EVENTS)).toBe(3 * 24 + 32);
});

test('it ends the same wherever a process dies, and whoever goes on', async () => {
  const died: string[] = [];
  const places = ['erasure-searched', 'erasure-deleted', 'erasure-shown', 'erasure-swept', 'data-written', 'built'];
  const dying = await managerOf(async (place) => {
    if (!places.includes(place) || died.includes(place) || !(await erasures.next())) return;
    died.push(place);
    throw new Error(`died at ${place}`);
  });
  await land(dying);
  await land(dying);
  await dying.rounds.rebuild();
  await request(v4(), 2);
  const other = await managerOf();
  for (let round = 0; await erasures.next(); round++) {
    expect(round).toBeLessThan(80);
    // Two at once, of which one dies now and then.
    await Promise.allSettled([dying.rounds.erase(signal), other.rounds.erase(signal)]);
    await dying.rounds.rebuild().catch(() => undefined);
    await other.rounds.rebuild().catch(() => undefined);
  }
  expect(died.length).toBeGreaterThan(2);
  expect(await count(SHIPMENT_EVENTS)).toBe(2 * 24);
  expect(await count('clean.events')).toBe(2 * 33);
  expect(await martsWithout()).toEqual(MARTS_EQUAL);
  const done = (await results()).filter(({ status }) => status === 'done');
  expect(done).toHaveLength(1);
  expect(done[0].deleted.rows).toEqual({ 'clean.events': 4, [SHIPMENT_EVENTS]: 16, [ORDERS.table]: 4 });
});

test('a mart that is being built from rows of before is built again', async () => {
  let during: (() => Promise<void>) | null = null;
  const slow = await managerOf(async (place) => {
    if (place !== 'marts-catalog-written' || !during) return;
    const task = during;
    during = null;
    await task();
  });
  const manager = await managerOf();
  await land(manager);
  await request(v4(), 1);
  during = async () => {
    // Up to where the marts have to be built anew.
    while ((await erasures.next())?.status !== 'rebuilding') await manager.rounds.erase(signal);
  };
  await slow.rounds.rebuild();
  expect(during).toBeNull();
  expect(await erasures.next()).toMatchObject({ status: 'rebuilding' });
  await erase(manager);
  expect(await martsWithout()).toEqual(MARTS_EQUAL);
});

test('compactions and commits beside it lose nothing and bring nothing back', async () => {
  const manager = await managerOf();
  for (let i = 0; i < 5; i++) await land(manager);
  await manager.rounds.rebuild();
  await request(v4(), 5);
  const landing = (async () => {
    for (let i = 0; i < 2; i++) await land(manager, 's2');
  })();
  const upkeep = (async () => {
    for (let i = 0; i < 3; i++) await manager.rounds.maintain(signal);
  })();
  await erase(manager);
  await Promise.all([landing, upkeep]);
  await manager.rounds.rebuild();
  expect(await count(SHIPMENT_EVENTS)).toBe(5 * 24 + 2 * 32);
  expect(await count(SHIPMENT_EVENTS, `contains(driver_id, '_s1_')`)).toBe(0);
  expect(await count(SHIPMENT_EVENTS, `contains(driver_id, '_s2_')`)).toBe(16);
  expect(await martsWithout()).toEqual(MARTS_EQUAL);
  expect(await filesOf('clean/shipment_events/')).toBeGreaterThan(0);
});
