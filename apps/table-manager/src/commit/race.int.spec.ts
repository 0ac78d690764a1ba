import { EVENTS_TABLE, FATES_TABLE, type BatchStaged, type TablesChanged, TOPICS } from '@millrace/topics';
import { OutboxRelay } from '@millrace/messaging/outbox';
import type { TableManager } from '../run/table-manager';
import { martDifferences } from '../testing/mart-oracle';
import { createRig, type Rig, until } from '../testing/rig';
import { SHIPMENT_EVENTS } from '../testing/staged-line';
import { PostgresCommitStore } from './postgres-store';

let rig: Rig;
beforeEach(async () => (rig = await createRig()));
afterEach(() => rig.dispose());

const BATCHES = 10;
/** Batches go on until two managers have committed: until then there was no race. */
const BATCHES_MAX = 200;
const DAYS = ['2026-02-27', '2026-02-28', '2026-03-01'];
const TABLES = [EVENTS_TABLE, SHIPMENT_EVENTS, FATES_TABLE];

const cursor = async (): Promise<number> => {
  const { rows } = await rig.database.pool.query('SELECT number FROM table_manager.cursor');
  return Number(rows[0]?.number ?? 0);
};

const stale = async (): Promise<number> => {
  const { rows } = await rig.database.pool.query(
    'SELECT count(*) AS n FROM table_manager.mart_partition WHERE touched > built',
  );
  return Number(rows[0].n);
};

async function expectAll(batches: readonly BatchStaged[]): Promise<void> {
  for (const table of TABLES) {
    const wanted = new Map(
      batches.flatMap(({ batchId, files }) =>
        files.filter((file) => file.table === table).map((file) => [batchId, file.rows]),
      ),
    );
    expect(await rig.rowsByBatch(table)).toEqual(wanted);
  }
}

test('table-managers that race over one database and one lake commit every batch once', async () => {
  // Each stalls at random places, so that any of the three overtakes any other anywhere.
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const stall = async (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, random() < 0.4 ? random() * 40 : 0));
  const managers = [3, 5, 64].map((commitBatchesMax) =>
    rig.manager({ failpoint: stall, settings: { commitBatchesMax, compactFilesMin: 2 } }),
  );
  for (const { contracts } of managers) await contracts.publish();
  const store = new PostgresCommitStore(rig.database.pool);
  const batches: BatchStaged[] = [];
  const committers = new Set<TableManager>();
  let landed = false;
  const landing = (async (): Promise<void> => {
    for (let i = 0; i < BATCHES || (committers.size < 2 && i < BATCHES_MAX); i++) {
      const batch = await rig.line.batch({ rows: i % 5 === 3 ? 0 : 12, fates: i % 3, days: DAYS });
      batches.push(batch);
      await store.receive([batch, ...batches.slice(-3)]);
    }
    landed = true;
  })();
  const running = async (round: () => Promise<unknown>): Promise<void> => {
    while (!landed || (await cursor()) < batches.length || (await stale()) > 0) {
      await round();
      await stall();
    }
  };
  const { signal } = new AbortController();
  await Promise.all([
    landing,
    ...managers.flatMap((manager) => [
      running(async () => {
        if (await manager.rounds.commit()) committers.add(manager);
      }),
      running(manager.rounds.rebuild),
    ]),
    running(() => managers[0].rounds.maintain(signal)),
    running(() => managers[1].rounds.maintain(signal)),
  ]);
  await new OutboxRelay({
    outbox: new PostgresCommitStore(rig.database.pool).outbox,
    ...{ messaging: rig.messaging, onError: () => undefined, batchMax: 10_000 },
  }).sweep();
  expect(committers.size).toBeGreaterThan(1);
  await expectAll(batches);
  const differences = await martDifferences(rig, batches);
  expect(differences).toEqual({ 'mart.shipments_daily': 0, 'mart.on_time_performance': 0, 'mart.exceptions': 0 });

  const messages = await rig.sent<TablesChanged>(TOPICS.tablesChanged.name);
  const committed = messages.filter(({ from, number, rebuilt }) => !rebuilt && from <= number);
  const numbers = committed.flatMap(({ from, number }) =>
    Array.from({ length: number - from + 1 }, (_, i) => from + i),
  );
  expect(numbers.toSorted((a, b) => a - b)).toEqual(batches.map(({ number }) => number));
}, 120_000);

test('a committer that stalled in the middle names no version with rows beyond its number', async () => {
  let release: () => void = () => undefined;
  const stalled = new Promise<void>((resolve) => (release = resolve));
  let reached: () => void = () => undefined;
  const there = new Promise<void>((resolve) => (reached = resolve));
  const slow = rig.manager({
    failpoint: async (place, table) => {
      if (place !== 'committed' || table !== FATES_TABLE) return;
      reached();
      await stalled;
    },
  });
  const first = await rig.line.batch({ rows: 8, fates: 2 });
  await slow.work.start();
  await rig.announce(first);
  await there;

  const fast = rig.manager();
  await fast.work.start();
  await until(async () => (await cursor()) === 1);
  const second = await rig.line.batch({ rows: 8, fates: 2 });
  await rig.announce(second);
  await rig.announce(second);
  await until(async () => (await cursor()) === 2);
  await fast.work.stop();
  release();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await slow.work.stop();
  await expectAll([first, second]);
  expect((await rig.catalog())?.number).toBe(2);
});

test('a database that is older than its lake is told apart from a crash, and nothing is left out', async () => {
  const batches: BatchStaged[] = [];
  for (let i = 0; i < 3; i++) batches.push(await rig.line.batch({ rows: 8 }));
  const { work } = rig.manager();
  await work.start();
  await rig.announce(...batches);
  await until(async () => (await cursor()) === 3);
  await work.stop();

  // Restored from a backup taken after number 1: numbers are given out again, to other batches.
  const restore = (): Promise<unknown> =>
    rig.database.pool.query(
      'UPDATE table_manager.cursor SET number = 1, planned_to = NULL; DELETE FROM table_manager.applied_batch WHERE number > 1',
    );
  await restore();
  const store = new PostgresCommitStore(rig.database.pool);
  const again = rig.manager();
  await again.catalog.adopt();
  await expect(again.rounds.commit()).rejects.toThrow('tables hold batches up to 3, and 1 is the last one known');
  await store.receive([await rig.line.batch({ rows: 8, number: 2, batchId: 777 })]);
  await expect(again.rounds.commit()).rejects.toThrow('the database is older than the lake');
  await expect(again.rounds.commit()).rejects.toThrow('the database is older than the lake');

  await restore();
  await store.receive([await rig.line.batch({ rows: 8, number: 3, batchId: 778 })]);
  await again.contracts.publish();
  await expect(again.rounds.commit()).rejects.toThrow('0 of the 8 rows of batch 777');
  expect(await cursor()).toBe(1);
});

test('a leader that stalled with a range of its own does not keep the others from going on', async () => {
  // Writes of a table's log wait at a gate, so that two committers each get one table first.
  const gate = (...prefixes: string[]) => {
    const waiting = new Map(prefixes.map((prefix) => [prefix, latch()]));
    const { storage } = rig.lake;
    const createIfAbsent = async (at: string, bytes: Buffer): Promise<void> => {
      const held = [...waiting].find(([prefix]) => at.startsWith(prefix))?.[1];
      held?.reach();
      await held?.opened;
      await storage.createIfAbsent(at, bytes);
    };
    return { waiting, storage: { ...storage, createIfAbsent } };
  };
  const store = new PostgresCommitStore(rig.database.pool);
  const batches = [await rig.line.batch({ rows: 8 })];
  const first = rig.manager();
  await first.contracts.publish();
  await store.receive(batches);
  expect(await first.rounds.commit()).not.toBeNull();

  const [events, shipments] = ['clean/events/_delta_log/', 'clean/shipment_events/_delta_log/'];
  const one = gate(events, shipments);
  const two = gate(events);
  const slow = rig.manager({ ports: { storage: one.storage } });
  const next = rig.manager({ ports: { storage: two.storage } });
  for (const manager of [slow, next]) await manager.contracts.reload();
  const land = async (): Promise<void> => {
    batches.push(await rig.line.batch({ rows: 8 }));
    await store.receive(batches.slice(-1));
  };
  await land();
  const slowly = slow.rounds.commit();
  await Promise.all([...one.waiting.values()].map(({ reached }) => reached));
  await land();
  const quickly = next.rounds.commit();
  await two.waiting.get(events)?.reached;
  one.waiting.get(events)?.open();
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const { open } of [...one.waiting.values(), ...two.waiting.values()]) open();
  await Promise.all([slowly, quickly]);
  const fresh = rig.manager();
  await fresh.contracts.reload();
  while (await fresh.rounds.commit());
  expect(await cursor()).toBe(3);
  await expectAll(batches);
});

function latch(): { reach: () => void; reached: Promise<void>; open: () => void; opened: Promise<void> } {
  let reach: () => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { reach: () => reach(), reached, open: () => open(), opened };
}

test('a lake of another line is left alone', async () => {
  const { work } = rig.manager();
  await work.start();
  await rig.announce(await rig.line.batch({ rows: 8 }));
  await until(async () => (await cursor()) === 1);
  await work.stop();
  const before = await rig.catalog();

  await rig.database.pool.query(
    'TRUNCATE table_manager.cursor, table_manager.applied_batch, table_manager.staged_batch',
  );
  const again = rig.manager();
  await again.work.start();
  const stranger = {
    ...(await rig.line.batch({ rows: 8, number: 1, batchId: 5 })),
    lineId: '0190aaaa-0000-7000-8000-0000000000ff',
  };
  await rig.announce(stranger);
  await until(() => rig.errors.length > 0);
  expect(String(rig.errors[0])).toMatch(`the storage holds the lake of line ${rig.line.lineId}`);
  expect(await rig.catalog()).toEqual(before);
  expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(new Map([[10, 8]]));
});
