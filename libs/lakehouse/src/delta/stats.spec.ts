import fc from 'fast-check';
import { createMemoryStorage } from '@millrace/storage/memory';
import { type Duck, openDuck } from '../duckdb';
import { type ColumnDefinition, DeltaTable } from '.';

describe('statistics', () => {
  let duck: Duck;
  beforeAll(async () => void (duck = await openDuck({ memoryLimitMb: 256, threads: 1 })));
  afterAll(() => duck.close());

  async function write(schema: ColumnDefinition[], sql: string): Promise<{ raw: string; table: DeltaTable }> {
    const storage = createMemoryStorage();
    const table = await DeltaTable.create(storage, 't', { duck, schema });
    await table.append(sql);
    storage.clear();
    return { raw: [...table.snapshot.files.values()][0].stats ?? '', table };
  }

  it('keep every digit of longs and decimals', async () => {
    const { raw } = await write(
      [
        { name: 'l', type: 'long' },
        { name: 'd', type: 'decimal(38,2)' },
      ],
      'SELECT 9223372036854775807 AS l, 123456789012345678901234567890123456.78::DECIMAL(38, 2) AS d',
    );
    expect(raw).toContain('"maxValues":{"l":9223372036854775807,"d":123456789012345678901234567890123456.78}');
  });

  it('round timestamps outwards to milliseconds', async () => {
    const { raw } = await write(
      [{ name: 't', type: 'timestamp' }],
      "SELECT unnest([TIMESTAMPTZ '1969-12-31 23:59:59.999999+00', TIMESTAMPTZ '2026-01-01 00:00:00.000001+00']) AS t",
    );
    expect(JSON.parse(raw)).toMatchObject({
      minValues: { t: '1969-12-31T23:59:59.999Z' },
      maxValues: { t: '2026-01-01T00:00:00.001Z' },
    });
  });

  it('cut strings to 32 code points, the maximum so that it stays one', async () => {
    const { raw } = await write([{ name: 's', type: 'string' }], `SELECT repeat('\u{1f600}', 40) AS s`);
    const stats = JSON.parse(raw);
    expect(stats.minValues.s).toBe('\u{1f600}'.repeat(32));
    expect(stats.maxValues.s).toBe('\u{1f600}'.repeat(32) + '\u{10ffff}');
  });

  it('give no bounds where NaN is, nor for booleans, binaries and lists, but count nulls', async () => {
    const { raw } = await write(
      [
        { name: 'x', type: 'double' },
        { name: 'b', type: 'boolean' },
        { name: 'bin', type: 'binary' },
        { name: 'list', type: { type: 'array', elementType: 'long', containsNull: true } },
      ],
      "SELECT unnest(['NaN'::DOUBLE, 1, NULL]) AS x, true AS b, 'a'::BLOB AS bin, [1] AS list",
    );
    expect(JSON.parse(raw)).toEqual({
      numRecords: 3,
      minValues: {},
      maxValues: {},
      nullCount: { x: 1, b: 0, bin: 0 },
    });
  });

  it('describe nested columns by their leaves, and columns of any name', async () => {
    const type = { type: 'struct' as const, fields: [{ name: 'a"b', type: 'long', nullable: true, metadata: {} }] };
    const { raw } = await write(
      [
        { name: 's', type },
        { name: '__proto__', type: 'long' },
        { name: 'constructor', type: 'long' },
      ],
      `SELECT {'a"b': 5} AS s, 7 AS "__proto__", 8 AS "constructor"`,
    );
    expect(raw).toContain('"minValues":{"s":{"a\\"b":5},"__proto__":7,"constructor":8}');
  });

  it('are kept of the first 32 leaf columns', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    const { raw } = await write(
      names.map((name) => ({ name, type: 'long' })),
      `SELECT ${names.map((n) => `1 AS ${n}`).join(', ')}`,
    );
    expect(Object.keys(JSON.parse(raw).maxValues)).toEqual(names.slice(0, 32));
  });

  it('never let a file be left out that holds a wanted row', async () => {
    const storage = createMemoryStorage();
    const table = await DeltaTable.create(storage, 't', {
      duck,
      checkpointInterval: 0,
      schema: [
        { name: 's', type: 'string' },
        { name: 'l', type: 'long' },
        { name: 't', type: 'timestamp' },
        { name: 'd', type: 'date' },
        { name: 'x', type: 'double' },
        { name: 'n', type: 'decimal(20,3)' },
      ],
    });
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'é', '\ufffd', '\u{1f600}', 'z'), minLength: 30, maxLength: 36 }),
      fc.string({ unit: 'grapheme', maxLength: 4 }).filter((s) => !/[\0\p{Surrogate}]/u.test(s)),
    );
    const values = fc.record({
      s: text,
      l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      us: fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }),
      d: fc.integer({ min: -40_000, max: 40_000 }),
      x: fc.double({ noNaN: true }),
      n: fc.integer({ min: -100_000_000, max: 100_000_000 }),
    });
    const files: string[] = [];
    const rows: { s: string; l: bigint; t: string; d: string; x: number; n: string; file: number }[] = [];
    const quoted = (s: string): string => `'${s.replaceAll("'", "''")}'`;
    for (const sample of fc.sample(fc.array(values, { minLength: 1, maxLength: 3 }), { numRuns: 40, seed: 11 })) {
      const selects = sample.map(
        (v) => `SELECT ${quoted(v.s)} AS s, ${v.l === -(2n ** 63n) ? '-9223372036854775807 - 1' : v.l} AS l,
          TIMESTAMPTZ '2000-01-01 00:00:00+00' + to_microseconds(${v.us}) AS t, DATE '2000-01-01' + ${v.d} AS d,
          '${v.x}'::DOUBLE AS x, (${v.n} / 1000)::DECIMAL(20, 3) AS n`,
      );
      const before = new Set(table.snapshot.files.keys());
      await table.append(selects.join(' UNION ALL '));
      const added = [...table.snapshot.files.keys()].filter((k) => !before.has(k));
      expect(added).toHaveLength(1);
      const found = await duck.query(
        `FROM (${await table.scanSql(table.snapshot, { files: [...table.snapshot.files.values()].filter((f) => f.path === added[0]) })})`,
      );
      for (const r of found) rows.push({ ...(r as unknown as (typeof rows)[0]), file: files.length });
      files.push(added[0]);
    }
    let pruned = 0;
    for (const row of rows) {
      for (const name of ['s', 'l', 't', 'd', 'x', 'n'] as const) {
        const wanted = row[name];
        for (const range of [{ min: wanted, max: wanted }, { values: [wanted] }, { min: wanted }, { max: wanted }]) {
          const left = table.prune(table.snapshot, { [name]: range });
          expect(left.map((f) => f.path)).toContain(files[row.file]);
          pruned += files.length - left.length;
        }
      }
    }
    // Else pruning does nothing, and the test could not fail.
    expect(pruned).toBeGreaterThan(rows.length * 24);
    storage.clear();
  });
});
