import path from 'node:path';
import { SchemaMismatch } from '../errors';
import { lakeForTests, type TestLake } from '../testing';
import { type ColumnDefinition, DeltaTable } from '.';

const COLUMNS: ColumnDefinition[] = [
  { name: 'id', type: 'long', nullable: false },
  { name: 'name', type: 'string', doc: 'what it is called' },
  { name: 'day', type: 'date' },
];

describe('columns and rows', () => {
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

  describe('schema', () => {
    it('refuses unknown columns unless asked to add them, and rewrites nothing to add them', async () => {
      await table.append(row(1, 'a', '2026-01-01'));
      const wider = `${row(2, 'b', '2026-01-01')}, 1.50::DECIMAL(9, 2) AS price`;
      await expect(table.append(wider)).rejects.toThrow(/no column price/);
      await table.append(wider, { mergeSchema: true });
      await table.append(row(3, 'c', '2026-01-02'));
      expect(await rows()).toEqual([
        [1, 'a', '2026-01-01', null],
        [2, 'b', '2026-01-01', '1.50'],
        [3, 'c', '2026-01-02', null],
      ]);
      expect(await table.addColumns([{ name: 'price', type: 'decimal(9,2)' }])).toBe(3);
      expect(await table.addColumns([{ name: 'more', type: 'string' }])).toBe(4);
      expect((await rows())[0]).toEqual([1, 'a', '2026-01-01', null, null]);
      expect(await dataFiles(table)).toHaveLength(3);
    });

    it.each([
      ['a type that does not fit', "SELECT 'x' AS id, 'a' AS name, DATE '2026-01-01' AS day"],
      ['a null where none may be', "SELECT NULL::BIGINT AS id, 'a' AS name, DATE '2026-01-01' AS day"],
      ['a missing column that may not be null', "SELECT 'a' AS name, DATE '2026-01-01' AS day"],
      ['a type without an equivalent', "SELECT 1 AS id, 'a' AS name, DATE '2026-01-01' AS day, TIME '10:00' AS t"],
    ])('refuses %s and leaves nothing behind', async (_, sql) => {
      await expect(table.append(sql, { mergeSchema: true })).rejects.toThrow(SchemaMismatch);
      expect(await dataFiles(table)).toEqual([]);
      expect(table.version).toBe(0);
    });

    it.each([
      ['no columns', { schema: [], partitionBy: [] }],
      [
        'names that differ in case only',
        {
          schema: [
            { name: 'a', type: 'long' },
            { name: 'A', type: 'long' },
          ],
          partitionBy: [],
        },
      ],
      ['a name with a space', { schema: [{ name: 'a b', type: 'long' }], partitionBy: [] }],
      ['an unknown partition column', { partitionBy: ['nope'] }],
      [
        'a double as partition',
        {
          schema: [
            { name: 'a', type: 'double' },
            { name: 'b', type: 'long' },
          ],
          partitionBy: ['a'],
        },
      ],
      ['nothing but partitions', { schema: [{ name: 'a', type: 'long' }], partitionBy: ['a'] }],
    ])('refuses to create a table with %s', async (_, options) => {
      await expect(create(options)).rejects.toThrow(SchemaMismatch);
    });

    it('stores nested rows whose members come in another order or are missing', async () => {
      const nested = await create({
        schema: [
          { name: 'id', type: 'long' },
          {
            name: 's',
            type: {
              type: 'struct',
              fields: ['a', 'b'].map((name) => ({ name, type: 'long', nullable: true, metadata: {} })),
            },
          },
        ],
        partitionBy: [],
      });
      await nested.append("SELECT 1 AS id, {'b': 2, 'a': 1} AS s");
      await nested.append("SELECT 2 AS id, {'b': 3} AS s");
      await nested.append('SELECT 3 AS id');
      await nested.append("SELECT 4 AS id, {'a': 1, 'b': 2, 'c': 'new'} AS s", { mergeSchema: true });
      expect(await rows(nested)).toEqual([
        [1, { a: 1, b: 2, c: null }],
        [2, { a: null, b: 3, c: null }],
        [3, null],
        [4, { a: 1, b: 2, c: 'new' }],
      ]);
    });
  });

  it('appends staged files of differing columns, with computed ones', async () => {
    const files = ['one', 'two'].map((n) => path.join(lake.folder, `${n}.parquet`));
    await lake.duck.query(
      `COPY (SELECT 1 AS id, TIMESTAMPTZ '2026-01-01 23:30:00-02:00' AS seen) TO '${files[0]}' (FORMAT parquet)`,
    );
    await lake.duck.query(
      `COPY (SELECT 2 AS id, TIMESTAMPTZ '2026-01-01 12:00:00+00' AS seen, 'two' AS name) TO '${files[1]}' (FORMAT parquet)`,
    );
    const result = await table.appendFiles({
      files,
      set: { day: 'CAST(seen AS DATE)', name: "coalesce(name, '?')" },
      sql: 'SELECT * FROM staged',
      mergeSchema: true,
      txn: { appId: 'line', version: 2 },
    });
    expect(result).toMatchObject({ rows: 2, files: 2, version: 1 });
    expect(await rows()).toEqual([
      [1, '?', '2026-01-02', '2026-01-02T01:30:00.000000Z'],
      [2, 'two', '2026-01-01', '2026-01-01T12:00:00.000000Z'],
    ]);
    await table.appendFiles({
      files,
      sql: "SELECT id + 10 AS id, seen, DATE '2026-01-05' AS day FROM staged WHERE id = 1",
    });
    expect(table.snapshot.rows).toBe(3);
  });

  it('keeps every value of a partition apart and whole', async () => {
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
      '__HIVE_DEFAULT_PARTITION__',
      '\u{1f600}',
      'new\nline',
      'nul\0in',
      ' ',
      'x'.repeat(180),
    ];
    const byText = await create({
      schema: [
        { name: 'id', type: 'long' },
        { name: 'p', type: 'string' },
      ],
      partitionBy: ['p'],
    });
    for (const [i, v] of values.entries()) await byText.append(`SELECT ${i} AS id, ${lit(v)} AS p`);
    await byText.append("SELECT 100 AS id, NULL AS p UNION ALL SELECT 101, ''");
    const again = await DeltaTable.open(lake.storage, byText.root, { duck: lake.duck });
    expect(await rows(again)).toEqual([...values.map((v, i) => [i, v]), [100, null], [101, null]]);
    await again.optimize();
    await again.replacePartitions('p', ['a/b', '..'], "SELECT 200 AS id, '..' AS p");
    expect(await rows(again)).toHaveLength(values.length + 1);
    await again.checkpoint();
    const checkpointed = await DeltaTable.open(lake.storage, byText.root, { duck: lake.duck });
    expect(await rows(checkpointed)).toEqual(await rows(again));
  });

  const lit = (v: string): string =>
    `(${v
      .split('\0')
      .map((p) => `'${p.replaceAll("'", "''")}'`)
      .join(' || chr(0) || ')})`;

  async function dataFiles(of: DeltaTable): Promise<string[]> {
    const found: string[] = [];
    for await (const o of lake.storage.list(`${of.root}/`)) if (!o.path.includes('/_delta_log/')) found.push(o.path);
    return found;
  }
});
