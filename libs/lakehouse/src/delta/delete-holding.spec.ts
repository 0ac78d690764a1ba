import { lakeForTests, type TestLake } from '../testing';
import { DeltaTable } from '.';

let lake: TestLake;
let table: DeltaTable;
let made = 0;
beforeAll(async () => void (lake = await lakeForTests()));
afterAll(() => lake.dispose());
beforeEach(async () => {
  table = await DeltaTable.create(lake.storage, `t${made++}`, {
    duck: lake.duck,
    schema: [
      { name: 'id', type: 'long', nullable: false },
      { name: 'payload', type: 'string' },
      { name: 'day', type: 'date' },
    ],
    partitionBy: ['day'],
    checkpointInterval: 0,
  });
  await table.append(rowsOf(0, 10, 'tok_s1_'));
  await table.append(rowsOf(10, 20, 'tok_s2_'));
});

/** One row in five holds the mark, two days in turn. */
const rowsOf = (from: number, to: number, mark: string): string =>
  `SELECT i AS id, CASE WHEN i % 5 = 0 THEN '{"email":"${mark}abc"}' ELSE '{"email":"tok_s10_x"}' END AS payload,
          DATE '2026-01-01' + (i % 2)::INTEGER AS day FROM range(${from}, ${to}) AS t(i)`;

const ids = async (snapshot = table.snapshot): Promise<number[]> =>
  (await lake.duck.query(`SELECT id FROM (${await table.scanSql(snapshot)}) ORDER BY id`)).map(({ id }) => Number(id));
const TEXTS = ['tok_s1_', 'rev_s1_'];
const without = Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== 0 && i !== 5);

test('rows that hold a text are deleted in one commit, all others stay, and doing it again changes nothing', async () => {
  expect((await table.filesHolding(TEXTS)).map(({ rows }) => rows)).toEqual([1, 1]);
  const { version } = table;
  expect(await table.deleteHolding(TEXTS)).toEqual({ version: version + 1, rows: 2, filesRemoved: 2 });
  expect(await ids()).toEqual(without);
  expect(await table.deleteHolding(TEXTS)).toEqual({ version: version + 1, rows: 0, filesRemoved: 0 });
  const [last] = await table.history(1);
  expect(last).toMatchObject({ operation: 'DELETE', operationMetrics: { numDeletedRows: '2' }, isBlindAppend: false });
  expect(JSON.stringify(last)).not.toContain('s1_');
});

test('a file of which nothing is left is gone, and a partition with it', async () => {
  await table.append(`SELECT 99::BIGINT AS id, 'tok_s9_' AS payload, DATE '2026-05-05' AS day`);
  await table.deleteHolding(['tok_s9_']);
  expect([...table.snapshot.files.values()].some(({ partitionValues }) => partitionValues.day === '2026-05-05')).toBe(
    false,
  );
});

test('files of former versions, and those that no commit named, are found until they are deleted', async () => {
  const before = table.snapshot;
  await table.optimize();
  await table.deleteHolding(TEXTS);
  // What a crash left behind.
  const [add] = [...before.files.values()];
  const orphan = `${table.root}/day=2026-01-01/part-orphan.snappy.parquet`;
  await lake.storage.createIfAbsent(orphan, await lake.storage.get(`${table.root}/${decodeURIComponent(add.path)}`));
  const unused = await table.unusedHolding(TEXTS);
  // Of the appends, of the compaction, and the orphan.
  expect(unused).toHaveLength(5);
  expect(unused.map(({ path }) => path)).toContain(orphan);
  for (const { path } of unused) await lake.storage.delete(path);
  expect(await table.unusedHolding(TEXTS)).toEqual([]);
  expect(await ids()).toEqual(without);
  await expect(ids(before)).rejects.toThrow();
});

test('appends, compactions and another deletion at once end with every row that is to stay, once', async () => {
  const other = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
  const third = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
  const results = await Promise.all([
    table.deleteHolding(TEXTS),
    third.deleteHolding(TEXTS),
    other.optimize(),
    other.append(rowsOf(20, 30, 'tok_s3_')),
  ]);
  await table.refresh();
  expect(await ids()).toEqual([...without, ...Array.from({ length: 10 }, (_, i) => 20 + i)]);
  expect(results[0].rows + results[1].rows).toBe(2);
  expect(await table.filesHolding(TEXTS)).toEqual([]);
});
