import path from 'node:path';
import { DELTA_READERS, deltaReaders, type DeltaReaders, differences, lakeForTests, type TestLake } from '../testing';
import { type ColumnDefinition, DeltaTable } from '.';

jest.setTimeout(300_000);

/** Each table made by the library is read by each independent reader, at several versions, and must be equal. */
describe('other readers of Delta', () => {
  let lake: TestLake;
  let readers: DeltaReaders | null;
  beforeAll(async () => {
    lake = await lakeForTests();
    readers = await deltaReaders();
  });
  afterAll(async () => {
    await readers?.close();
    await lake.dispose();
  });

  const folder = (table: DeltaTable): string => path.join(lake.folder, table.root);
  const create = (
    root: string,
    schema: ColumnDefinition[],
    partitionBy: string[] = [],
    more: object = {},
  ): Promise<DeltaTable> =>
    DeltaTable.create(lake.storage, root, { duck: lake.duck, schema, partitionBy, checkpointInterval: 0, ...more });

  async function expectEqual(table: DeltaTable, versions: readonly number[] = [table.version]): Promise<void> {
    if (!readers) return;
    for (const version of versions) {
      const sql = await table.scanSql(await table.at({ version }));
      for (const reader of DELTA_READERS) {
        const found = await differences(lake.duck, sql, await readers.read(reader, folder(table), version));
        expect({ reader, version, ...found }).toEqual({
          reader,
          version,
          rows: found.rows,
          onlyOurs: 0,
          onlyTheirs: 0,
          otherColumns: [],
        });
      }
    }
  }

  it('read every type', async () => {
    const struct = (fields: ColumnDefinition[]) => ({
      type: 'struct' as const,
      fields: fields.map((f) => ({ name: f.name, type: f.type, nullable: true, metadata: {} })),
    });
    const table = await create('types', [
      { name: 'b', type: 'byte' },
      { name: 'sh', type: 'short' },
      { name: 'i', type: 'integer' },
      { name: 'l', type: 'long', nullable: false },
      { name: 'f', type: 'float' },
      { name: 'd', type: 'double' },
      { name: 'd10', type: 'decimal(10,4)' },
      { name: 'd38', type: 'decimal(38,10)' },
      { name: 's', type: 'string', doc: 'text' },
      { name: 'bin', type: 'binary' },
      { name: 'bool', type: 'boolean' },
      { name: 'day', type: 'date' },
      { name: 'ts', type: 'timestamp' },
      {
        name: 'st',
        type: struct([
          { name: 'a', type: 'long' },
          { name: 'in', type: struct([{ name: 'x', type: 'string' }]) },
        ]),
      },
      { name: 'li', type: { type: 'array', elementType: 'long', containsNull: true } },
      { name: 'empty', type: 'string' },
    ]);
    await table.append(`SELECT (i - 3)::TINYINT AS b, (i * 1000)::SMALLINT AS sh, (i * 100000)::INTEGER AS i,
      9007199254740991 + i AS l, (i * 1.5)::FLOAT AS f,
      CASE i WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' WHEN 3 THEN '-inf' ELSE (i * 0.1)::VARCHAR END::DOUBLE AS d,
      (i * 1.2345)::DECIMAL(10, 4) AS d10, (i * 123456789012345.678)::DECIMAL(38, 10) AS d38,
      repeat('é\u{1f600}', i::INTEGER * 20) AS s, ('b' || i)::BLOB AS bin, i % 2 = 0 AS bool,
      DATE '1969-12-30' + i::INTEGER AS day, TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' + to_microseconds(i * 1001) AS ts,
      {'a': i, 'in': {'x': 'y' || i}} AS st, [i, NULL, i + 1] AS li FROM range(6) t(i)`);
    await table.append('SELECT -9223372036854775807 AS l');
    await expectEqual(table, [1, 2]);
    await table.checkpoint();
    await table.append('SELECT 5 AS l');
    await expectEqual(table, [2, 3]);
  });

  it('read zone-less timestamps', async () => {
    const table = await create('ntz', [{ name: 't', type: 'timestamp_ntz' }]);
    await table.append("SELECT TIMESTAMP '2026-03-29 02:30:00.123456' + to_days(i::INTEGER) AS t FROM range(3) r(i)");
    await table.checkpoint();
    await table.append('SELECT NULL::TIMESTAMP AS t');
    await expectEqual(table);
  });

  it('read awkward partition values', async () => {
    const values = [
      'plain',
      'a b',
      'a/b',
      'a:b',
      'a%20b',
      'a%2Fb',
      'é',
      'x=y',
      'q?#&+',
      '[br]{}',
      `quote'"`,
      'tab\there',
      'back\\slash',
      '..',
      '.',
      'new\nline',
      '\u{1f600}',
      '{json:1}',
      ' ',
      '~!@$^*()_+|`;,',
    ];
    const text = await create(
      'text',
      [
        { name: 'id', type: 'long' },
        { name: 'p', type: 'string' },
      ],
      ['p'],
    );
    const list = values.map((v, i) => `(${i}, '${v.replaceAll("'", "''")}')`).join(', ');
    await text.append(`SELECT id::BIGINT AS id, p FROM (VALUES ${list}, (100, NULL), (101, '')) t(id, p)`);
    await expectEqual(text);
    await text.optimize();
    await text.checkpoint();
    await expectEqual(text);

    const typed = await create(
      'typed',
      ['id long', 'i integer', 'd date', 'b boolean', 'n decimal(10,2)', 'l long'].map((c) => {
        const [name, type] = c.split(' ');
        return { name, type };
      }),
      ['i', 'd', 'b', 'n', 'l'],
    );
    await typed.append(`SELECT i AS id, -i::INTEGER AS i, DATE '2026-01-01' + i::INTEGER AS d, i % 2 = 0 AS b,
      (i * 1.25)::DECIMAL(10, 2) AS n, 9007199254740993 + i AS l FROM range(4) t(i)
      UNION ALL SELECT 9, NULL, NULL, NULL, NULL, NULL`);
    await expectEqual(typed);

    const times = await create(
      'times',
      [
        { name: 'id', type: 'long' },
        { name: 'ts', type: 'timestamp' },
      ],
      ['ts'],
    );
    await times.append(
      "SELECT i AS id, TIMESTAMPTZ '2026-01-01 10:00:00.5+00' + to_minutes(i) AS ts FROM range(3) r(i)",
    );
    await expectEqual(times);
  });

  it('read a table through its whole life', async () => {
    const table = await create(
      'life',
      [
        { name: 'id', type: 'long' },
        { name: 'kind', type: 'string' },
        { name: 'ts', type: 'timestamp' },
        { name: 'day', type: 'date' },
      ],
      ['day'],
      { checkpointInterval: 4 },
    );
    const rows = (from: number, to: number): string => `SELECT i AS id, 'k' || (i % 5) AS kind,
      TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_minutes(i) AS ts, DATE '2026-01-01' + (i % 4)::INTEGER AS day FROM range(${from}, ${to}) t(i)`;
    for (let k = 0; k < 6; k++)
      await table.append(rows(k * 100, k * 100 + 100), { txn: { appId: 'line', version: k } });
    await table.append(`SELECT *, 'new' AS extra, {'a': id} AS nested FROM (${rows(600, 620)})`, { mergeSchema: true });
    await table.append(`SELECT *, {'a': id, 'b': 'deeper'} AS nested FROM (${rows(620, 640)})`, { mergeSchema: true });
    await table.addColumns([{ name: 'unused', type: 'decimal(5,1)' }]);
    await table.replacePartitions('day', ['2026-01-02', '2026-01-03'], `${rows(1000, 1050)} WHERE i % 4 = 1`);
    await table.settled();
    const early = Array.from({ length: table.version }, (_, i) => i + 1);
    await expectEqual(table, early);
    expect(await table.optimize()).toMatchObject({ conflicts: 0 });
    await table.append(rows(2000, 2010));
    await table.settled();
    await table.checkpoint();
    await expectEqual(table, [...early, table.version - 1, table.version]);

    await table.overwrite(rows(0, 10));
    await table.vacuum({ retentionMs: -1, force: true });
    await expectEqual(table);
    if (!readers) return;
    expect(await readers.describe(folder(table), 'line')).toMatchObject({
      version: table.version,
      files: table.snapshot.files.size,
      columns: table.snapshot.fields.map((f) => f.name),
      partitionColumns: ['day'],
      transaction: 5,
    });
  });

  it('may write the same table in between', async () => {
    if (!readers) return;
    const table = await create(
      'shared',
      [
        { name: 'id', type: 'long' },
        { name: 'p', type: 'string' },
      ],
      ['p'],
    );
    await table.append("SELECT 1::BIGINT AS id, 'a/b' AS p");
    const parquet = path.join(lake.folder, 'theirs.parquet');
    await lake.duck.query(
      `COPY (SELECT 2::BIGINT AS id, 'a/b' AS p UNION ALL SELECT 3, 'c') TO '${parquet}' (FORMAT parquet)`,
    );
    await readers.append(folder(table), parquet);
    await table.append("SELECT 4::BIGINT AS id, 'c' AS p");
    await readers.append(folder(table), parquet);
    await table.refresh();
    await table.replacePartitions('p', ['c'], "SELECT 5::BIGINT AS id, 'c' AS p");
    await table.optimize();
    await table.checkpoint();
    await readers.append(folder(table), parquet);
    await table.refresh();
    const ids = await lake.duck.query(`SELECT id FROM (${await table.scanSql()}) ORDER BY id`);
    expect(ids.map((r) => r.id)).toEqual([1, 2, 2, 2, 3, 5]);
    await expectEqual(table);
  });
});
