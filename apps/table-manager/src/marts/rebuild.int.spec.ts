import type { Failpoint } from '@millrace/observability/failpoints';
import { MARTS, type MartDefinition } from '@millrace/marts';
import { type BatchStaged, type TablesChanged, TOPICS } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { martDifferences } from '../testing/mart-oracle';
import { createRig, type Rig } from '../testing/rig';
import { DuckQuestions, prepareDuck } from '../tables/duck-questions';
import { rebuildMarts } from './rebuild';

let rig: Rig;
let store: PostgresCommitStore;
beforeEach(async () => {
  rig = await createRig();
  store = new PostgresCommitStore(rig.database.pool);
});
afterEach(() => rig.dispose());

const NONE = { 'mart.shipments_daily': 0, 'mart.on_time_performance': 0, 'mart.exceptions': 0 };

async function manager(failpoint?: Failpoint<'table-manager'>): Promise<TableManager> {
  const made = rig.manager({ failpoint });
  await made.contracts.publish();
  return made;
}

/** Lands and commits, and returns what was landed so far. */
async function commit(to: TableManager, batches: BatchStaged[], ...days: string[]): Promise<void> {
  const batch = await rig.line.batch({ rows: 12, days });
  batches.push(batch);
  await store.receive([batch]);
  while (await to.rounds.commit());
}

interface PartitionRow {
  readonly mart: string;
  readonly partition: string;
  readonly touched: number;
  readonly built: number;
}

async function partitions(): Promise<PartitionRow[]> {
  const { rows } = await rig.database.pool.query(
    `SELECT mart, partition, touched::int, built::int FROM table_manager.mart_partition ORDER BY mart, partition`,
  );
  return rows as PartitionRow[];
}
const daily = async (): Promise<unknown[]> =>
  (await partitions())
    .filter(({ mart }) => mart === 'mart.shipments_daily')
    .map(({ partition, touched, built }) => [partition, touched, built]);

/** Delta files of the daily mart by partition, as the catalog has them: a partition that is not rebuilt keeps its file. */
async function files(of: TableManager): Promise<Map<string, string>> {
  const catalog = await rig.catalog();
  const at = await of.tables.at('mart.shipments_daily', catalog?.tables['mart.shipments_daily'].version ?? -1);
  return new Map(
    [...(at?.snapshot.files.values() ?? [])].map((file) => [String(file.partitionValues.service_date), file.path]),
  );
}

test('exactly the partitions of the new rows are touched, by every mart, and exactly those are rebuilt', async () => {
  const one = await manager();
  const batches: BatchStaged[] = [];
  await commit(one, batches, '2026-02-27', '2026-02-28');
  expect(await daily()).toEqual([
    ['2026-02-27', 1, 0],
    ['2026-02-28', 1, 0],
  ]);
  expect(new Set((await partitions()).map(({ mart }) => mart))).toEqual(new Set(MARTS.map(({ id }) => id)));
  expect(await one.rounds.rebuild()).toEqual({ number: 1, partitions: 6 });
  const before = await files(one);

  await commit(one, batches, '2026-02-28', '2026-03-01');
  expect(await daily()).toEqual([
    ['2026-02-27', 1, 1],
    ['2026-02-28', 2, 1],
    ['2026-03-01', 2, 0],
  ]);
  expect(await one.rounds.rebuild()).toEqual({ number: 2, partitions: 6 });
  expect(await one.rounds.rebuild()).toBeNull();
  const after = await files(one);
  expect(after.get('2026-02-27')).toBe(before.get('2026-02-27'));
  expect(after.get('2026-02-28')).not.toBe(before.get('2026-02-28'));
  expect([...after.keys()].sort()).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
  expect(await martDifferences(rig, batches)).toEqual(NONE);
});

test('a touch during a rebuild leaves its partition stale, and the mart says no more than it holds', async () => {
  const batches: BatchStaged[] = [];
  const one = await manager();
  let touching = true;
  const other = await manager(async (place, mart) => {
    if (place !== 'built' || mart !== 'mart.exceptions' || !touching) return;
    touching = false;
    await commit(one, batches, '2026-02-28');
  });
  await commit(one, batches, '2026-02-27', '2026-02-28');
  expect(await other.rounds.rebuild()).toMatchObject({ number: 1 });
  expect(await daily()).toEqual([
    ['2026-02-27', 1, 1],
    ['2026-02-28', 2, 1],
  ]);
  expect((await rig.catalog())?.number).toBe(2);
  expect((await rig.catalog())?.tables['mart.shipments_daily'].builtTo).toBe(1);
  expect(await other.rounds.rebuild()).toMatchObject({ number: 2, partitions: 3 });
  expect((await rig.catalog())?.tables['mart.shipments_daily'].builtTo).toBe(2);
  expect(await martDifferences(rig, batches)).toEqual(NONE);
});

test('a rebuild that was overtaken lays no old rows over new ones, and lowers nothing', async () => {
  const batches: BatchStaged[] = [];
  const fast = await manager();
  await commit(fast, batches, '2026-02-27');
  // Held up after it has read what is stale and before it writes: the catalog is the last thing that it reads.
  const slow = await manager();
  let overtake: (() => Promise<void>) | null = async (): Promise<void> => {
    await commit(fast, batches, '2026-02-27');
    await fast.rounds.rebuild();
  };
  const refresh = slow.catalog.refresh.bind(slow.catalog);
  slow.catalog.refresh = async () => {
    const found = await refresh();
    const first = overtake;
    overtake = null;
    await first?.();
    return found;
  };
  expect(await slow.rounds.rebuild()).toBeNull();
  expect(await daily()).toEqual([['2026-02-27', 2, 2]]);
  expect(await martDifferences(rig, batches)).toEqual(NONE);

  await store.built([{ mart: 'mart.shipments_daily', partition: '2026-02-27' }], 1, {
    id: '0190aaaa-0000-7000-8000-00000000000a',
    topic: 'tables.changed',
    body: {},
  });
  expect(await daily()).toEqual([['2026-02-27', 2, 2]]);
});

test('what is stale is rebuilt in turns, the longest waiting first, and the mart says how far it has come', async () => {
  const batches: BatchStaged[] = [];
  const one = rig.manager({ settings: { martPartitionsMax: 2 } });
  await one.contracts.publish();
  await commit(one, batches, '2026-02-25');
  await commit(one, batches, '2026-02-26');
  await commit(one, batches, '2026-02-27');
  await commit(one, batches, '2026-02-25');
  const builtTo = async (): Promise<number | undefined> =>
    (await rig.catalog())?.tables['mart.shipments_daily'].builtTo;
  await one.rounds.rebuild();
  // The first day is touched all the time and still has its turn.
  expect(await daily()).toEqual([
    ['2026-02-25', 4, 4],
    ['2026-02-26', 2, 4],
    ['2026-02-27', 3, 0],
  ]);
  expect(await builtTo()).toBe(1);
  await one.rounds.rebuild();
  expect(await builtTo()).toBe(4);
  expect(await martDifferences(rig, batches)).toEqual(NONE);
});

test('a mart that cannot be built holds up no other, and is told of', async () => {
  const batches: BatchStaged[] = [];
  const one = await manager();
  await commit(one, batches, '2026-02-27');
  const broken: MartDefinition = { ...MARTS[0], sql: 'SELECT no_such_column FROM {{clean.shipment_events}}' };
  const deps = {
    questions: new DuckQuestions(rig.lake.duck, rig.lake.storage),
    ...{ store, tables: one.tables, catalog: one.catalog, marts: [broken, ...MARTS.slice(1)], partitionsMax: 200 },
    rowsMax: 1_000_000,
    ...{ newId: () => '0190aaaa-0000-7000-8000-00000000000b', failpoint: async () => undefined },
  };
  await expect(rebuildMarts(deps)).rejects.toThrow('no_such_column');
  const built = (await partitions()).filter((row) => row.built > 0).map(({ mart }) => mart);
  expect(built).toEqual(['mart.exceptions', 'mart.on_time_performance']);
  expect(await one.rounds.rebuild()).toEqual({ number: 1, partitions: 1 });
  expect(await martDifferences(rig, batches)).toEqual(NONE);
});

test('the message names what was rebuilt, from which number', async () => {
  const batches: BatchStaged[] = [];
  const one = await manager();
  await commit(one, batches, '2026-02-27', '2026-02-28');
  await one.rounds.rebuild();
  const { rows } = await rig.database.pool.query(`SELECT topic, body FROM table_manager.outbox ORDER BY seq`);
  const message = rows.at(-1)?.body as TablesChanged;
  expect(rows.at(-1)?.topic).toBe(TOPICS.tablesChanged.name);
  expect(message).toMatchObject({
    lineId: rig.line.lineId,
    number: 1,
    from: 2,
    catalogVersion: (await rig.catalog())?.version,
  });
  expect(message.rebuilt).toEqual(
    Object.fromEntries(MARTS.map(({ id }) => [id, { '2026-02-27': 1, '2026-02-28': 1 }])),
  );
});

test('macros are known to every connection of the pool', async () => {
  await prepareDuck(rig.lake.duck);
  const ask = (): Promise<unknown> =>
    rig.lake.duck.query(`SELECT unix_micros(TIMESTAMPTZ '1970-01-01 00:00:01+00') AS micros`);
  // As many at once as there are connections: each has its own.
  expect(await Promise.all(Array.from({ length: 6 }, ask))).toEqual(
    Array.from({ length: 6 }, () => [{ micros: 1_000_000 }]),
  );
});
