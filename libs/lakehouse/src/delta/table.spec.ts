import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  SchemaMismatch,
  TableExists,
  TableNotFound,
  TransactionContradiction,
  UnsupportedTable,
  VersionNotFound,
} from '../errors';
import { lakeForTests, type TestLake } from '../testing';
import { type ColumnDefinition, DeltaTable } from '.';

const COLUMNS: ColumnDefinition[] = [
  { name: 'id', type: 'long', nullable: false },
  { name: 'name', type: 'string', doc: 'what it is called' },
  { name: 'day', type: 'date' },
];

describe('DeltaTable', () => {
  let lake: TestLake;
  let table: DeltaTable;
  let made = 0;
  beforeAll(async () => void (lake = await lakeForTests()));
  afterAll(() => lake.dispose());
  const create = (options: Partial<Parameters<typeof DeltaTable.create>[2]> = {}): Promise<DeltaTable> =>
    DeltaTable.create(lake.storage, `t${made++}`, {
      duck: lake.duck,
      schema: COLUMNS,
      partitionBy: ['day'],
      checkpointInterval: 0,
      ...options,
    });
  beforeEach(async () => void (table = await create()));

  const rows = async (of: DeltaTable = table, snapshot = of.snapshot): Promise<unknown[]> =>
    (await lake.duck.query(`SELECT * FROM (${await of.scanSql(snapshot)}) ORDER BY id`)).map((r) => Object.values(r));
  const row = (id: number, name: string, day: string): string =>
    `SELECT ${id}::BIGINT AS id, '${name}' AS name, DATE '${day}' AS day`;

  it('is empty when it is new, and has its columns', async () => {
    expect(table.version).toBe(0);
    expect(await rows()).toEqual([]);
    expect(table.snapshot.fields.map((f) => [f.name, f.type, f.nullable])).toEqual([
      ['id', 'long', false],
      ['name', 'string', true],
      ['day', 'date', true],
    ]);
    expect(table.snapshot.rows).toBe(0);
  });

  it('is created once', async () => {
    const options = { duck: lake.duck, schema: [{ name: 'other', type: 'string' }] };
    await expect(DeltaTable.create(lake.storage, table.root, options)).rejects.toThrow(TableExists);
    const same = await DeltaTable.create(lake.storage, table.root, { ...options, ifNotExists: true });
    expect(same.snapshot.fields).toHaveLength(3);
    await expect(DeltaTable.open(lake.storage, 'absent', { duck: lake.duck })).rejects.toThrow(TableNotFound);
  });

  it('appends rows, one file a partition, and other clients see them', async () => {
    const other = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
    const result = await table.append(
      `SELECT i AS id, 'n' || i AS name, DATE '2026-01-01' + (i % 3)::INTEGER AS day FROM range(100000) t(i)`,
    );
    expect(result).toMatchObject({ version: 1, outcome: 'committed', files: 3, rows: 100_000 });
    expect([...result.partitions].sort()).toEqual(['2026-01-01', '2026-01-02', '2026-01-03']);
    await other.refresh();
    expect(other.version).toBe(1);
    expect(other.snapshot.rows).toBe(100_000);
    const [sum] = await lake.duck.query(
      `SELECT sum(id) AS s, count(DISTINCT day) AS d FROM (${await other.scanSql()})`,
    );
    expect(sum).toEqual({ s: 4_999_950_000, d: 3 });
  });

  it('makes no version of nothing, and one of a transaction without rows', async () => {
    expect(await table.append(`${row(1, 'a', '2026-01-01')} WHERE false`)).toMatchObject({
      version: 0,
      outcome: 'unchanged',
    });
    const txn = { appId: 'line', version: 3 };
    expect(await table.append(`${row(1, 'a', '2026-01-01')} WHERE false`, { txn })).toMatchObject({
      version: 1,
      files: 0,
    });
    expect(table.snapshot.transactionVersion('line')).toBe(3);
  });

  describe('transactions', () => {
    it('are applied once, whoever repeats them', async () => {
      const txn = { appId: 'line', version: 5, expected: 0 };
      const stale = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
      expect(await table.append(row(1, 'a', '2026-01-01'), { txn })).toMatchObject({
        outcome: 'committed',
        version: 1,
      });
      expect(await table.append(row(1, 'a', '2026-01-01'), { txn })).toMatchObject({ outcome: 'skipped', version: 1 });
      expect(await stale.append(row(1, 'a', '2026-01-01'), { txn })).toMatchObject({ outcome: 'skipped', version: 1 });
      expect(await stale.append(row(1, 'a', '2026-01-01'), { txn: { appId: 'line', version: 4 } })).toMatchObject({
        outcome: 'skipped',
      });
      expect(await rows()).toEqual([[1, 'a', '2026-01-01']]);
      expect(await rows(stale)).toEqual([[1, 'a', '2026-01-01']]);
      expect(await dataFiles(table)).toHaveLength(1);
    });

    it('contradict when the table holds part of their range, also when that came in between', async () => {
      const stale = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
      await table.append(row(1, 'a', '2026-01-01'), { txn: { appId: 'line', version: 5, expected: 0 } });
      const overlapping = { txn: { appId: 'line', version: 8, expected: 4 } };
      await expect(table.append(row(2, 'b', '2026-01-01'), overlapping)).rejects.toThrow(TransactionContradiction);
      await expect(stale.append(row(2, 'b', '2026-01-01'), overlapping)).rejects.toThrow(TransactionContradiction);
      // The table had nothing to hold of versions 6 and 7.
      await table.append(row(3, 'c', '2026-01-01'), { txn: { appId: 'line', version: 9, expected: 7 } });
      expect(await rows()).toEqual([
        [1, 'a', '2026-01-01'],
        [3, 'c', '2026-01-01'],
      ]);
      expect(await dataFiles(table)).toHaveLength(2);
    });
  });

  describe('replacePartitions', () => {
    beforeEach(async () => {
      await table.append(
        `${row(1, 'a', '2026-01-01')} UNION ALL ${row(2, 'b', '2026-01-02')} UNION ALL ${row(3, 'c', '2026-01-03')}`,
      );
    });

    it('swaps exactly the named ones in one commit', async () => {
      const result = await table.replacePartitions(
        'day',
        ['2026-01-01', '2026-01-02', '2026-01-09'],
        row(10, 'new', '2026-01-01'),
        { txn: { appId: 'mart', version: 1 } },
      );
      expect(result).toMatchObject({ version: 2, files: 1, filesRemoved: 2, partitions: ['2026-01-01'] });
      expect(await rows()).toEqual([
        [3, 'c', '2026-01-03'],
        [10, 'new', '2026-01-01'],
      ]);
      expect(await rows(table, await table.at({ version: 1 }))).toHaveLength(3);
    });

    it('refuses rows of other partitions and leaves all as it was', async () => {
      const stray = `${row(10, 'x', '2026-01-01')} UNION ALL ${row(11, 'x', '2026-01-03')}`;
      await expect(table.replacePartitions('day', ['2026-01-01'], stray)).rejects.toThrow(SchemaMismatch);
      expect(await rows()).toHaveLength(3);
      expect(await dataFiles(table)).toHaveLength(3);
    });

    it('knows the null partition from every other', async () => {
      await table.append("SELECT 4::BIGINT AS id, 'd' AS name, NULL::DATE AS day");
      await table.replacePartitions('day', [null], "SELECT 5::BIGINT AS id, 'e' AS name, NULL::DATE AS day");
      expect((await rows()).at(-1)).toEqual([5, 'e', null]);
      expect(await rows()).toHaveLength(4);
    });

    it('does not change what it has no reason to', async () => {
      expect(
        await table.replacePartitions('day', ['2030-01-01'], `${row(1, '', '2030-01-01')} WHERE false`),
      ).toMatchObject({
        outcome: 'unchanged',
        version: 1,
      });
      await expect(table.replacePartitions('name', ['a'], row(1, 'a', '2026-01-01'))).rejects.toThrow(
        /no partition column/,
      );
      await expect(table.replacePartitions('day', ['yesterday'], row(1, 'a', '2026-01-01'))).rejects.toThrow(
        SchemaMismatch,
      );
    });

    it('replaces everything by overwrite', async () => {
      await table.overwrite(row(7, 'only', '2026-02-01'));
      expect(await rows()).toEqual([[7, 'only', '2026-02-01']]);
    });
  });

  it('packs small files and keeps the rows', async () => {
    for (let i = 0; i < 6; i++) {
      await table.append(`${row(i, 'x', '2026-01-01')} UNION ALL ${row(i + 10, 'y', '2026-01-02')}`);
    }
    const before = await rows();
    expect(await table.optimize()).toMatchObject({ filesRemoved: 12, filesAdded: 2, conflicts: 0, version: 7 });
    expect(await rows()).toEqual(before);
    expect(table.snapshot.rows).toBe(12);
    expect(await table.optimize()).toMatchObject({ filesRemoved: 0, version: 7 });
  });

  it('travels in time', async () => {
    await table.append(row(1, 'a', '2026-01-01'));
    const between = new Date(Date.now() + 5);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await table.append(row(2, 'b', '2026-01-01'));
    expect(await rows(table, await table.at({ version: 1 }))).toEqual([[1, 'a', '2026-01-01']]);
    expect((await table.at({ timestamp: between })).version).toBe(1);
    expect((await table.at({ timestamp: new Date(Date.now() + 1_000) })).version).toBe(2);
    await expect(table.at({ version: 9 })).rejects.toMatchObject({ name: 'VersionNotFound', expired: false });
    await expect(table.at({ timestamp: new Date(0) })).rejects.toThrow(VersionNotFound);
    expect((await table.history(2)).map((h) => [h.version, h.operation])).toEqual([
      [2, 'WRITE'],
      [1, 'WRITE'],
    ]);
    expect((await table.history()).at(-1)).toMatchObject({ version: 0, operation: 'CREATE TABLE' });
  });

  it('removes what no version needs, after the retention', async () => {
    const clock = { at: Date.now(), now: () => clock.at };
    const aging = await create({ clock });
    for (let i = 0; i < 4; i++) await aging.append(row(i, 'x', '2026-01-01'));
    await aging.optimize();
    await writeFile(path.join(lake.folder, aging.root, 'orphan.parquet'), 'left by a crash');
    expect(await aging.vacuum()).toMatchObject({ files: 0 });
    await expect(aging.vacuum({ retentionMs: 0 })).rejects.toThrow(/force/);
    clock.at += 8 * 86_400_000;
    expect(await aging.vacuum({ dryRun: true })).toMatchObject({ files: 5 });
    expect(await aging.vacuum()).toMatchObject({ files: 5 });
    expect(await rows(aging)).toHaveLength(4);
    expect(await dataFiles(aging)).toHaveLength(1);
  });

  it('refuses to write what it could damage', async () => {
    const guarded = await create({ properties: { 'delta.appendOnly': 'true' } });
    await guarded.append(row(1, 'a', '2026-01-01'));
    await expect(guarded.overwrite(row(1, 'a', '2026-01-01'))).rejects.toThrow(UnsupportedTable);
    const constrained = await create({ properties: { 'delta.constraints.positive': 'id > 0' } });
    await expect(constrained.append(row(1, 'a', '2026-01-01'))).rejects.toThrow(/check constraints/);
  });

  async function dataFiles(of: DeltaTable): Promise<string[]> {
    const found: string[] = [];
    for await (const o of lake.storage.list(`${of.root}/`)) if (!o.path.includes('/_delta_log/')) found.push(o.path);
    return found;
  }
});
