import type { Failpoint } from '@millrace/observability/failpoints';
import { MARTS, type MartDefinition } from '@millrace/marts';
import { type BatchStaged, type TablesChanged, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { martDifferences } from '../testing/mart-oracle';
import { damageFile } from '../testing/damage';
import { createRig, type Rig, until } from '../testing/rig';
import { DuckQuestions, prepareDuck } from '../tables/duck-questions';
import { QualityJudge } from '../quality/quality-judge';
import { rebuildMarts } from './rebuild';
import { type Setback, Setbacks } from './setbacks';

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
const daily = async (): Promise<[day: string, touched: number, built: number][]> =>
  (await partitions())
    .filter(({ mart }) => mart === 'mart.shipments_daily')
    .map(({ partition, touched, built }): [string, number, number] => [partition, touched, built]);

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

test('late events rebuild the partitions that they belong to; every file of all others stays as it is, in every mart', async () => {
  const batches: BatchStaged[] = [];
  const one = await manager();
  const days = ['2026-02-25', '2026-02-26', '2026-02-27'];
  await commit(one, batches, ...days);
  await one.rounds.rebuild();
  const filesOf = async (mart: string): Promise<Map<string, string[]>> => {
    const at = await one.tables.at(mart, (await rig.catalog())?.tables[mart].version ?? -1);
    const found = new Map<string, string[]>();
    for (const { partitionValues, path } of at?.snapshot.files.values() ?? []) {
      const day = String(partitionValues.service_date);
      found.set(day, [...(found.get(day) ?? []), path].sort());
    }
    return found;
  };
  const before = new Map(await Promise.all(MARTS.map(async ({ id }) => [id, await filesOf(id)] as const)));
  // Accepted on the first of March, days after it happened.
  await commit(one, batches, days[1]);
  expect(await one.rounds.rebuild()).toEqual({ number: 2, partitions: MARTS.length });
  for (const { id } of MARTS) {
    const [was, is] = [before.get(id) as Map<string, string[]>, await filesOf(id)];
    expect([...is.keys()].sort()).toEqual(days);
    for (const day of [days[0], days[2]]) expect([id, day, is.get(day)]).toEqual([id, day, was.get(day)]);
    expect(is.get(days[1])?.some((file) => was.get(days[1])?.includes(file))).toBe(false);
  }
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

  await store.built([{ mart: 'mart.shipments_daily', partition: '2026-02-27', asked: 0 }], 1, {
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

/** All that a rebuild needs, over the rig's store. */
function depsOf(one: TableManager, marts: readonly MartDefinition[]) {
  const failed: Setback[] = [];
  let nowMs = 0;
  const setbacks = new Setbacks({ monotonicMs: () => nowMs, random: () => 0.5, waitMs: 1_000 });
  const deps = {
    questions: new DuckQuestions(rig.lake.duck, rig.lake.storage),
    judge: new QualityJudge(rig.lake.duck, Date.now),
    ...{ store, tables: one.tables, catalog: one.catalog, marts, partitionsMax: 200, rowsMax: 1_000_000 },
    ...{ setbacks, onFailed: (setback: Setback) => failed.push(setback) },
    ...{ newId: () => v4(), failpoint: async () => undefined },
  };
  return { deps, failed, pass: (ms: number) => (nowMs += ms) };
}

test('a mart that cannot be built holds up no other, waits, and is told of without quoting what it says', async () => {
  const batches: BatchStaged[] = [];
  const one = await manager();
  await commit(one, batches, '2026-02-27', '2026-02-28');
  const broken: MartDefinition = { ...MARTS[0], sql: 'SELECT no_such_column FROM {{clean.shipment_events}}' };
  const { deps, failed, pass } = depsOf(one, [broken, ...MARTS.slice(1)]);
  expect(await rebuildMarts(deps)).toEqual({ number: 1, partitions: 4 });
  expect(failed).toEqual([
    {
      ...{ mart: 'mart.shipments_daily', partition: null, attempts: 1, retryInMs: 750 },
      cause: 'DUCK_STATEMENT: the tables do not have the columns or types that it reads',
    },
  ]);
  // It waits by itself, the others go on.
  await commit(one, batches, '2026-02-27');
  expect(await rebuildMarts(deps)).toEqual({ number: 2, partitions: 2 });
  expect(failed).toHaveLength(1);
  pass(750);
  expect(await rebuildMarts(deps)).toBeNull();
  expect(failed.map(({ attempts }) => attempts)).toEqual([1, 2]);
  expect(await one.rounds.rebuild()).toEqual({ number: 2, partitions: 2 });
  expect(await martDifferences(rig, batches)).toEqual(NONE);
});

test('a partition that cannot be read waits alone, the service stays ready, and it is built when its file is mended', async () => {
  const batches: BatchStaged[] = [];
  const days = ['2026-02-26', '2026-02-27', '2026-02-28'];
  const failed: Setback[] = [];
  const one = rig.manager({ events: { onMartFailed: (setback) => failed.push(setback) } });
  await one.contracts.publish();
  await commit(one, batches, ...days);
  const mend = await damageFile(rig, one, 'clean.shipment_events', days[1]);
  expect(await one.rounds.rebuild()).toEqual({ number: 1, partitions: 6 });
  expect((await daily()).map(([day, , built]) => [day, built])).toEqual(
    days.map((day) => [day, day === days[1] ? 0 : 1]),
  );
  // The file is named, none of its rows.
  expect(failed.map(({ mart, partition, attempts }) => [mart, partition, attempts]).sort()).toEqual(
    MARTS.map(({ id }) => [id, days[1], 1]).sort(),
  );
  for (const { cause } of failed)
    expect(cause).toMatch(/^DUCK_[A-Z_]+: [a-z ]+ \(.*event_date=2026-02-27.*\.parquet\)$/);
  expect((await rig.catalog())?.tables['mart.shipments_daily'].builtTo).toBe(0);

  // Rows that land on other days are in the marts all the same, and the loops are at no fault.
  await commit(one, batches, days[0], days[2]);
  await one.work.start();
  await until(async () =>
    (await daily()).every(
      (row) => (row as [string, number, number])[0] === days[1] || (row as [string, number, number])[2] === 2,
    ),
  );
  expect([one.fault(), one.setbacks.count('mart.shipments_daily')]).toEqual([null, 1]);
  await mend();
  await until(async () => (await partitions()).every(({ touched, built }) => built >= touched));
  expect([one.fault(), one.setbacks.all()]).toEqual([null, []]);
  expect(await martDifferences(rig, batches)).toEqual(NONE);
  expect((await rig.catalog())?.tables['mart.shipments_daily'].builtTo).toBe(2);
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
