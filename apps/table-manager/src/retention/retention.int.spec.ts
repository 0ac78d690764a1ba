import { compile, loadContract, readCatalogDir } from '@millrace/contracts';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type AuditRecord, type BatchStaged, type TablesChanged, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import { PostgresTableErasures } from '../erasure/postgres-store';
import type { TableManager } from '../run/table-manager';
import { martDifferences } from '../testing/mart-oracle';
import { createRig, type Rig } from '../testing/rig';
import { type BatchContent, SHIPMENT_EVENTS } from '../testing/staged-line';
import { PostgresRetentionStore } from './postgres-store';

const withRetention = (yaml: string, value: number, more = ''): string =>
  `${yaml.replace(/^slaProperties:\n/m, '')}`.replace(
    /^customProperties:/m,
    `slaProperties: [{ property: retention, value: ${value}, unit: d${more} }]\ncustomProperties:`,
  );
const [CATALOG] = readCatalogDir();
const SHIPMENTS = withRetention(CATALOG.yaml.replace(/^slaProperties:\n(?: {2}.*\n)+/m, ''), 30);
const ORDERS = `
apiVersion: v3.1.0
kind: DataContract
id: 11111111-1111-4111-8111-111111111111
name: orders
version: 1.0.0
status: active
schema: [{ name: orders, properties: [{ name: customer, logicalType: string }] }]
customProperties: [{ property: eventTypes, value: [order] }]
`;
const CONTRACTS = [SHIPMENTS, ORDERS].map((yaml, i) => ({
  file: `${i}.odcs.yaml`,
  yaml,
  contract: loadContract(yaml),
}));
const ORDER = { eventType: 'order', contract: compile(CONTRACTS[1].contract), payloads: [{ customer: 'a' }] };
const MARTS_EQUAL = { 'mart.shipments_daily': 0, 'mart.on_time_performance': 0, 'mart.exceptions': 0 };
const PLACES = ['retention-planned', 'retention-removed', 'retention-shown', 'data-written'];
const signal = new AbortController().signal;

/** Takes this process's time for granted, where a test jumps ahead. */
class Trusting extends PostgresRetentionStore {
  override async horizon(nowMs: number): Promise<number> {
    return nowMs;
  }
}

let rig: Rig;
let retention: PostgresRetentionStore;
let store: PostgresCommitStore;
let batches: BatchStaged[];
let nowMs: number;
beforeEach(async () => {
  rig = await createRig();
  retention = new Trusting(rig.database.pool);
  store = new PostgresCommitStore(rig.database.pool);
  batches = [];
  nowMs = Date.parse('2026-03-01T12:00:00Z');
});
afterEach(() => rig.dispose());

async function managerOf(failpoint?: Failpoint<'table-manager'>, held?: PostgresCommitStore): Promise<TableManager> {
  const manager = rig.manager({
    ...{ failpoint, contracts: CONTRACTS },
    ports: {
      ...{ retention, clock: { now: () => nowMs }, monotonicMs: () => nowMs + performance.now() },
      ...(held && { store: held }),
    },
    settings: { compactFilesMin: 2 },
  });
  await manager.contracts.publish();
  return manager;
}

/** Shipments of some days, accepted now, and an order. */
async function land(manager: TableManager, content: BatchContent): Promise<void> {
  const batch = await rig.line.batch({
    ...{ rows: 16, others: [ORDER], acceptedAt: new Date(nowMs).toISOString(), ...content },
  });
  batches.push(batch);
  await store.receive([batch]);
  while (await manager.rounds.commit());
}

async function retain(manager: TableManager): Promise<void> {
  for (let round = 0; await manager.rounds.retain(signal); round++) expect(round).toBeLessThan(60);
}

const at = (day: string): number => (nowMs = Date.parse(`${day}T13:00:00Z`));
const count = async (table: string, where = 'true'): Promise<number> =>
  Number((await rig.query((rows) => `SELECT count(*) AS n FROM ${rows} WHERE ${where}`, table))[0].n);

/** What was left for others to read, by topic. */
async function told<T>(topic: string): Promise<T[]> {
  const { rows } = await rig.database.pool.query(
    'SELECT body FROM table_manager.outbox WHERE topic = $1 ORDER BY seq',
    [topic],
  );
  return (rows as { body: T }[]).map(({ body }) => body);
}
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
const audited = async (): Promise<AuditRecord[]> =>
  (await told<AuditRecord>(TOPICS.audit.name)).filter(({ action }) => action === 'retention.rows_deleted');

test('rows that are over leave their tables, marts stay, and every row is accounted for', async () => {
  const manager = await managerOf();
  await land(manager, { days: ['2026-02-28', '2026-03-01'] });
  at('2026-03-20');
  await land(manager, { days: ['2026-03-20'] });
  await manager.rounds.rebuild();
  at('2026-04-01');
  const before = await rig.catalog();
  await retain(manager);

  expect([await count(SHIPMENT_EVENTS), await count('clean.events')]).toEqual([16, 16 + 2]);
  // Orders are kept for good, though they lie in one file with shipments.
  expect([await count('clean.events', `event_type = 'order'`), await count('clean.orders')]).toEqual([2, 2]);
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
  const catalog = await rig.catalog();
  expect(catalog?.tables['mart.shipments_daily'].expiredTo).toBe('2026-03-01');
  expect(catalog?.tables[SHIPMENT_EVENTS].expiredTo).toBe('2026-03-02');
  // Readers of a former catalog are not disturbed.
  const former = await rig.query((rows) => `SELECT count(*) AS n FROM ${rows}`, SHIPMENT_EVENTS, before);
  expect(Number(former[0].n)).toBe(32);

  const records = await audited();
  expect(records.map(({ subject, detail }) => [subject, detail?.rows]).sort()).toEqual([
    ['clean.events', 16],
    [SHIPMENT_EVENTS, 16],
  ]);
  expect(records[0]).toMatchObject({ service: 'table-manager', actor: 'table-manager' });
  expect(records[0].detail?.datasets).toEqual([
    { dataset: 'shipment_status_changed', rows: 16, cutOff: '2026-03-02T13:00:00.000Z', from: 'ingest_time' },
  ]);
  const [removal] = await retention.history(SHIPMENT_EVENTS, 10);
  expect(removal).toMatchObject({ files: 2, datasets: [{ dataset: 'shipment_status_changed', rows: 16 }] });
  const changed = (await told<TablesChanged>(TOPICS.tablesChanged.name)).at(-1);
  expect(changed).toMatchObject({ number: 2, from: 3 });
  expect(await manager.rounds.retain(signal)).toBe(false);
  expect(await audited()).toHaveLength(2);
});

test('a file with younger rows is written again only once its oldest are a day over', async () => {
  const manager = await managerOf();
  await land(manager, { days: ['2026-03-01'] });
  at('2026-03-09');
  await land(manager, { days: ['2026-03-01'] });
  await manager.rounds.rebuild();
  await manager.rounds.maintain(signal);
  at('2026-03-31');
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(32);
  at('2026-04-02');
  await retain(manager);
  expect([await count(SHIPMENT_EVENTS), await count('clean.events')]).toEqual([16, 18]);
  const rest = await rig.rowsByBatch(SHIPMENT_EVENTS);
  expect([...rest]).toEqual([[batches[1].batchId, 16]]);
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
});

test('rows wait until marts have counted them, and for days that are not over', async () => {
  const manager = await managerOf();
  await land(manager, { days: ['2026-03-01'] });
  // Of a service day to come.
  await land(manager, { days: ['2026-03-01'], typed: { service_date: `DATE '2026-03-10'` } });
  at('2026-04-02');
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(32);
  await manager.rounds.rebuild();
  nowMs += 11 * 60_000;
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(16);
  at('2026-04-11');
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(0);
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
});

test('a frozen partition is never built from what is left: what comes late is counted there', async () => {
  const manager = await managerOf();
  await land(manager, { days: ['2026-03-01'] });
  await manager.rounds.rebuild();
  at('2026-04-02');
  await retain(manager);
  const counted = [...batches];
  await land(manager, { days: ['2026-03-01', '2026-04-01'] });
  await store.again([{ mart: 'mart.exceptions', partition: '2026-03-01' }], 2);
  expect(await manager.rounds.rebuild()).toEqual({ number: 2, partitions: 3 });
  expect(await manager.rounds.rebuild()).toBeNull();
  const frozen = { partition: '2026-03-01', frozenAt: expect.any(String) as string, isLate: true };
  expect(await retention.frozen('mart.shipments_daily', 5)).toEqual([frozen]);
  expect((await retention.frozenCounts()).find(({ mart }) => mart === 'mart.exceptions')).toEqual({
    ...{ mart: 'mart.exceptions', frozen: 1, late: 1 },
  });
  // The marts go on being up to date with all other days.
  expect((await rig.catalog())?.tables['mart.shipments_daily'].builtTo).toBe(2);
  const day = (from: string) => (rows: string) =>
    `SELECT * EXCLUDE (carrier_code), carrier_code FROM ${rows} WHERE service_date = DATE '${from}' ORDER BY carrier_code`;
  const mart = await rig.query(day('2026-03-01'), 'mart.shipments_daily');
  expect(mart.reduce((sum, row) => sum + Number(row.created), 0)).toBeGreaterThan(0);
  expect(counted).toHaveLength(1);
  const differing = await martDifferences(rig, counted);
  // But for the new day it is what the first batch made of it.
  expect(differing['mart.shipments_daily']).toBe((await rig.query(day('2026-04-01'), 'mart.shipments_daily')).length);
});

test('a rebuild that began before rows went does not lay what is left over what was counted', async () => {
  const manager = await managerOf();
  await land(manager, { days: ['2026-03-01'] });
  await land(manager, { days: ['2026-03-02'] });
  const [reached, onwards] = [deferred(), deferred()];
  // Has built them, and has not said so.
  const other = await managerOf(async (place) => {
    if (place !== 'marts-catalog-written') return;
    reached.resolve();
    await onwards.promise;
  });
  const building = other.rounds.rebuild();
  await reached.promise;
  let meanwhile: (() => Promise<void>) | null = async () => {
    onwards.resolve();
    await building;
    at('2026-04-02');
    await retain(manager);
    expect(await count(SHIPMENT_EVENTS)).toBe(0);
  };
  class Held extends PostgresCommitStore {
    override async stale(marts: readonly string[], limit: number) {
      const stale = await super.stale(marts, limit);
      const task = meanwhile;
      meanwhile = null;
      await task?.();
      return stale;
    }
  }
  const slow = await managerOf(undefined, new Held(rig.database.pool));
  expect(await slow.rounds.rebuild()).toBeNull();
  expect(meanwhile).toBeNull();
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
});

test.each([
  ['comes back', 1],
  ['works beside another', 2],
])('it ends the same wherever a process dies that %s', async (_who, workers) => {
  const died: string[] = [];
  let armed = false;
  const dying = await managerOf(async (place) => {
    if (!armed || !PLACES.includes(place) || died.filter((one) => one === place).length > 1) return;
    died.push(place);
    throw new Error(`died at ${place}`);
  });
  const other = await managerOf();
  await land(dying, { days: ['2026-03-01', '2026-03-02'] });
  at('2026-03-08');
  await land(dying, { days: ['2026-03-01'] });
  await dying.rounds.rebuild();
  await dying.rounds.maintain(signal);
  at('2026-04-03');
  armed = true;
  for (let round = 0; ; round++) {
    expect(round).toBeLessThan(80);
    const rounds = [dying, other].slice(0, workers).map((manager) => manager.rounds.retain(signal));
    const ended = await Promise.allSettled(rounds);
    const isQuiet = ended.every((each) => each.status === 'fulfilled' && !each.value);
    if (isQuiet && (await retention.planned()).length === 0) break;
  }
  // Beside another it may find some of it done.
  expect(died.length).toBeGreaterThan(2);
  if (workers === 1) expect(new Set(died)).toEqual(new Set(PLACES));
  expect([...(await rig.rowsByBatch(SHIPMENT_EVENTS))]).toEqual([[batches[1].batchId, 16]]);
  expect(await count('clean.events')).toBe(16 + 2);
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
  const rows = (await audited()).map(({ subject, detail }) => [subject, Number(detail?.rows)] as const);
  const total = (table: string): number => rows.reduce((sum, [of, n]) => sum + (of === table ? n : 0), 0);
  expect([total(SHIPMENT_EVENTS), total('clean.events')]).toEqual([16, 16]);
});

test('a range that is committed again after a crash still finds its rows', async () => {
  let armed = true;
  const dying = await managerOf(async (place) => {
    if (place !== 'catalog-written' || !armed) return;
    armed = false;
    throw new Error('died');
  });
  at('2026-04-20');
  // Over before it was committed: table-manager was away for weeks.
  await expect(land(dying, { days: ['2026-03-01'], acceptedAt: '2026-03-01T12:00:00Z' })).rejects.toThrow('died');
  const manager = await managerOf();
  await manager.catalog.refresh();
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(16);
  while (await manager.rounds.commit());
  await manager.rounds.rebuild();
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(0);
  expect(await martDifferences(rig, batches)).toEqual(MARTS_EQUAL);
});

test('a clock that jumps ahead deletes nothing; the next event that was taken in says what time it is', async () => {
  retention = new PostgresRetentionStore(rig.database.pool);
  const manager = await managerOf();
  await land(manager, { days: ['2026-03-01'] });
  await manager.rounds.rebuild();
  at('2027-03-01');
  await retain(manager);
  nowMs += 60_000;
  await retain(manager);
  expect(await count(SHIPMENT_EVENTS)).toBe(16);
  at('2026-04-02');
  await land(manager, { rows: 0 });
  await retain(manager);
  expect([await count(SHIPMENT_EVENTS), await count('clean.events')]).toEqual([0, 2]);
});

test('an erasure, and what a dimension learns later, leave frozen partitions as they are and wait for none', async () => {
  const erasures = new PostgresTableErasures(rig.database.pool, v4);
  const manager = rig.manager({
    ...{ contracts: CONTRACTS, settings: { erasureGraceMs: 0 } },
    ports: { retention, erasures, clock: { now: () => nowMs }, monotonicMs: () => nowMs + performance.now() },
  });
  await manager.contracts.publish();
  const driver = `CASE WHEN shipment % 4 = 0 THEN 'tok_s1_driverdriverdriverdri' ELSE 'tok_s9_x' END`;
  await land(manager, { days: ['2026-03-01'], typed: { driver_id: driver } });
  await manager.rounds.rebuild();
  const counted = [...batches];
  at('2026-04-02');
  await retain(manager);
  // Late, of the frozen day, and of the subject that is to be forgotten.
  await land(manager, { days: ['2026-03-01'], typed: { driver_id: driver } });
  const carrier = { key: 'AA', from: '0001-01-01T00:00:00Z', values: { name: 'American' } };
  await store.receive([await rig.line.dimension('carriers', [{ name: 'name', type: 'string' }], [carrier])]);
  while (await manager.rounds.commit());
  const { lineId } = rig.line;
  await erasures.request({ id: v4(), lineId, keys: ['s1'], number: 2, at: '2026-04-02T00:00:00Z' });
  // Times of erasures are the database's.
  nowMs = Date.now() + 60_000;
  for (let round = 0; await erasures.next(); round++) {
    expect(round).toBeLessThan(40);
    await manager.rounds.erase(signal);
    expect(await manager.rounds.rebuild()).toBeNull();
  }
  expect(await count(SHIPMENT_EVENTS, `contains(driver_id, '_s1_')`)).toBe(0);
  expect(await count(SHIPMENT_EVENTS)).toBeGreaterThan(0);
  expect(await martDifferences(rig, counted)).toEqual(MARTS_EQUAL);
});
