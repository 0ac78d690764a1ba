import { DeltaTable } from '@millrace/lakehouse';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import type { Storage } from '@millrace/storage';
import type { Catalog } from '@millrace/topics';
import { Lake } from './lake';

let folder: TestLake;
let table: DeltaTable;
let listed: number;
let storage: Storage;
const clock = { now: () => Date.now() };

beforeEach(async () => {
  folder = await lakeForTests();
  listed = 0;
  const inner = folder.storage;
  storage = { ...inner, list: (prefix, options) => (listed++, inner.list(prefix, options)) };
  const schema = [{ name: 'n', type: 'long' }];
  table = await DeltaTable.create(inner, 'clean/t', { duck: folder.duck, schema, clock, checkpointInterval: 10 });
});
afterEach(() => folder.dispose());

const at = (version: number): Catalog => ({
  ...{ version, lineId: 'l', number: version, at: '' },
  tables: { 'clean.t': { root: 'clean/t', version } },
});
const lakeOf = (queriesMax = 8): Lake =>
  new Lake({ storage, duck: folder.duck, catalog: { current: null }, clock, queryMsMax: 5_000, queriesMax });
const rows = async (lake: Lake, version: number): Promise<number> => {
  const found = await lake.table(at(version), 'clean.t');
  if (!found) throw new Error('there is no table');
  expect(found.snapshot.version).toBe(version);
  const [row] = await lake.select(found, {}, '', {}, 'count(*) AS n');
  return Number(row.n);
};

test('a table is read at the version that the catalog names, however far ahead it is, without listing its log', async () => {
  const lake = lakeOf();
  for (let i = 1; i <= 30; i++) await table.append(`SELECT ${i}::BIGINT AS n`);
  await table.settled();
  // Opening looks for a checkpoint that the catalog has reached; following does not look again.
  expect(await rows(lake, 12)).toBe(12);
  listed = 0;
  for (let version = 13; version <= 30; version++) expect(await rows(lake, version)).toBe(version);
  expect(listed).toBe(0);
  // An answer that began under an older catalog.
  expect(await rows(lake, 28)).toBe(28);
  expect(listed).toBe(0);
  expect(await rows(lake, 11)).toBe(11);
});

test('many that ask at once, for several versions, each get theirs', async () => {
  const lake = lakeOf(100);
  for (let i = 1; i <= 12; i++) await table.append(`SELECT ${i}::BIGINT AS n`);
  const versions = Array.from({ length: 36 }, (_, i) => 1 + ((i * 5) % 12));
  expect(await Promise.all(versions.map((version) => rows(lake, version)))).toEqual(versions);
});

test('more questions than can be under way are refused with a time to come again', async () => {
  const lake = lakeOf(2);
  await table.append('SELECT 1::BIGINT AS n');
  const found = await lake.table(at(1), 'clean.t');
  if (!found) throw new Error('there is no table');
  const asked = await Promise.allSettled(Array.from({ length: 5 }, () => lake.select(found, {}, '')));
  const refused = asked.filter((each) => each.status === 'rejected');
  expect(refused).toHaveLength(3);
  expect(refused[0]).toMatchObject({ reason: { status: 503, headers: { 'retry-after': '1' } } });
  expect(await lake.select(found, {}, '')).toHaveLength(1);
});

test('a value is bound, never read as SQL, and a path with a dollar sign is a path', async () => {
  const lake = lakeOf();
  await folder.storage.put('odd/$n/keep', Buffer.from(''));
  const odd = await DeltaTable.create(folder.storage, 'odd/$n', {
    duck: folder.duck,
    schema: [{ name: 's', type: 'string' }],
    clock,
  });
  await odd.append(`SELECT 'a''b' AS s`);
  const catalog: Catalog = { ...at(1), tables: { 'odd.t': { root: 'odd/$n', version: 1 } } };
  const found = await lake.table(catalog, 'odd.t');
  if (!found) throw new Error('there is no table');
  expect(await lake.select(found, {}, 'WHERE s = $s', { s: "a'b" })).toEqual([{ s: "a'b" }]);
  expect(await lake.select(found, {}, 'WHERE s = $s', { s: "' OR true --" })).toEqual([]);
  expect(await lake.table(catalog, '__proto__')).toBeNull();
});
