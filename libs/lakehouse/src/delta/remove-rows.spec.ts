import { lakeForTests, type TestLake } from '../testing';
import { type AddFile, DeltaTable, type FileRemoval } from '.';

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
      { name: 'day', type: 'date' },
    ],
    partitionBy: ['day'],
    checkpointInterval: 0,
  });
  await table.append(rowsOf(0, 10, 1));
  await table.append(rowsOf(10, 20, 2));
});

const rowsOf = (from: number, to: number, day: number): string =>
  `SELECT i AS id, DATE '2026-01-0${day}' AS day FROM range(${from}, ${to}) AS t(i)`;
const ids = async (): Promise<number[]> =>
  (await lake.duck.query(`SELECT id FROM (${await table.scanSql()}) ORDER BY id`)).map(({ id }) => Number(id));
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const fileOf = (day: number): AddFile =>
  [...table.snapshot.files.values()].find(
    ({ partitionValues }) => partitionValues.day === `2026-01-0${day}`,
  ) as AddFile;
const OPTIONS = { parameters: { predicate: '["old"]' }, metrics: { numDeletedRows: 13 } };
/** The first file whole, and three rows of the second. */
const removals = (): FileRemoval[] => [
  { file: fileOf(1), where: null },
  { file: fileOf(2), where: () => '(id < 13)' },
];

test('a file goes whole without being read, another is rewritten without some rows, in one commit', async () => {
  const whole = fileOf(1);
  await lake.storage.delete(`${table.root}/${decodeURIComponent(whole.path)}`);
  const { version } = table;
  const { outcome } = await table.removeRows(table.snapshot, removals(), OPTIONS);
  expect([outcome, table.version]).toEqual(['committed', version + 1]);
  expect(await ids()).toEqual(numbers(13, 20));
  expect((await table.history(1))[0]).toMatchObject({
    operation: 'DELETE',
    operationMetrics: { numDeletedRows: '13' },
  });
});

test('under a transaction it is done once, whoever does it, and appends beside it stay', async () => {
  const other = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
  const before = table.snapshot;
  const all = removals();
  const txn = { appId: 'retention', version: 7 };
  await other.append(rowsOf(20, 25, 3));
  const outcomes = await Promise.all([
    table.removeRows(before, all, { ...OPTIONS, txn }),
    other.removeRows(before, all, { ...OPTIONS, txn }),
  ]);
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['committed', 'duplicate']);
  await table.refresh();
  expect(table.snapshot.transactionVersion('retention')).toBe(7);
  expect(await ids()).toEqual(numbers(13, 25));
});

test('where a file was rearranged meanwhile nothing is removed, and nothing is left behind', async () => {
  const before = table.snapshot;
  await table.append(rowsOf(30, 32, 2));
  await table.optimize();
  const { version } = table;
  const { outcome } = await table.removeRows(
    before,
    [{ file: [...before.files.values()][1], where: () => '(id < 13)' }],
    OPTIONS,
  );
  expect([outcome, (await table.refresh()).version]).toEqual(['conflict', version]);
  expect(await ids()).toEqual([...numbers(0, 20), 30, 31]);
  const used = new Set([...table.snapshot.files.values(), ...before.files.values()].map(({ path }) => path));
  const paths: string[] = [];
  for await (const { path } of lake.storage.list(`${table.root}/day=`)) paths.push(path);
  // Those of the two versions and of the append between them.
  expect(paths).toHaveLength(used.size + 1);
});
