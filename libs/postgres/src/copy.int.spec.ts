import fc from 'fast-check';
import type { PoolClient } from 'pg';
import { copyIn, type CopyValue } from './copy-in';
import { parseCopyBinary, readCopyBinary } from './copy-out';
import { testDatabase, type TestDatabase } from './testing';

describe('COPY', () => {
  let database: TestDatabase;
  let client: PoolClient;
  beforeAll(async () => {
    database = await testDatabase();
    await database.pool.query(
      'CREATE TABLE wide ("the id" bigint, name text, bytes bytea, at timestamptz, ok boolean)',
    );
  });
  beforeEach(async () => {
    client = await database.pool.connect();
    await client.query('TRUNCATE wide');
  });
  afterEach(() => client.release());
  afterAll(() => database.drop());

  const target = { schema: 'public', table: 'wide', columns: ['the id', 'name', 'bytes', 'at', 'ok'] };

  it('gives back what went in', async () => {
    const value = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary);
    const row = fc.tuple(
      value(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      value(
        fc.string({
          unit: fc.constantFrom('a', '\\', '\t', '\n', '\r', '\b', '\f', '\v', 'N', 'é', '😀', '.', '"', "'"),
        }),
      ),
      value(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
      value(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }),
      ),
      value(fc.boolean()),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), async (rows, chunkBytes) => {
        await client.query('TRUNCATE wide');
        expect(await copyIn(client, target, rows, { chunkBytes })).toBe(rows.length);
        const back = await client.query(
          `SELECT "the id", name, bytes, extract(epoch FROM at) * 1000 AS ms, ok FROM wide`,
        );
        const expected = rows.map(([id, name, bytes, at, ok]) => [
          id === null ? null : String(id),
          name,
          bytes,
          at && at.getTime(),
          ok,
        ]);
        expect(back.rows.map((r) => [r['the id'], r.name, r.bytes, r.ms === null ? null : Number(r.ms), r.ok])).toEqual(
          expected,
        );
      }),
      { numRuns: 40 },
    );
  });

  it('reads bytes that pg’s own rows would corrupt, and NULLs', async () => {
    const bytes = fc.array(fc.option(fc.uint8Array({ maxLength: 3_000 }).map((b) => Buffer.from(b))), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(bytes, async (values) => {
        await client.query('TRUNCATE wide');
        await copyIn(
          client,
          { table: 'wide', columns: ['the id', 'bytes'] },
          values.map((value, i) => [i, value]),
        );
        const rows = await readCopyBinary(client, `SELECT bytes, "the id" FROM wide ORDER BY "the id"`);
        expect(rows.map(([value]) => value)).toEqual(values);
        expect(rows.map(([, id]) => Number(id?.readBigInt64BE()))).toEqual(values.map((_, i) => i));
      }),
      { numRuns: 30 },
    );
  });

  it('reads megabytes in one go', async () => {
    await client.query(
      `INSERT INTO wide (bytes) SELECT decode(repeat(md5(n::text), 2048), 'hex') FROM generate_series(1, 200) n`,
    );
    const rows = await readCopyBinary(client, 'SELECT bytes FROM wide');
    expect(rows).toHaveLength(200);
    expect(rows.every(([bytes]) => bytes?.length === 32_768)).toBe(true);
  });

  it.each([
    ['U+0000', 'a\0b'],
    ['half a surrogate pair', 'a\ud83d'],
  ])('refuses %s by row and column and keeps nothing', async (_name, text) => {
    const rows: CopyValue[][] = [
      [1, 'good', null, null, null],
      [2, text, null, null, null],
    ];
    await expect(copyIn(client, target, rows)).rejects.toMatchObject({
      code: 'POSTGRES_BAD_VALUE',
      message: expect.stringContaining('row 2: wide.name'),
    });
    expect((await client.query('SELECT count(*)::int AS n FROM wide')).rows[0].n).toBe(0);
  });

  it('keeps nothing when the source fails midway, and the client works on', async () => {
    async function* source(): AsyncGenerator<CopyValue[]> {
      for (let i = 0; i < 10_000; i++) yield [i, 'x'.repeat(100), null, null, null];
      throw new Error('the source broke');
    }
    await expect(copyIn(client, target, source())).rejects.toThrow('the source broke');
    expect((await client.query('SELECT count(*)::int AS n FROM wide')).rows[0].n).toBe(0);
  });

  it('passes the server’s refusal on, and the client works on', async () => {
    await expect(copyIn(client, target, [['not a number', null, null, null, null]])).rejects.toMatchObject({
      code: '22P02',
    });
    await expect(readCopyBinary(client, 'SELECT * FROM absent')).rejects.toMatchObject({ code: '42P01' });
    await expect(readCopyBinary(client, `SELECT 1 / (3 - n) FROM generate_series(1, 5) n`)).rejects.toMatchObject({
      code: '22012',
    });
    await expect(copyIn(client, target, [[1]])).rejects.toMatchObject({ code: 'POSTGRES_BAD_VALUE' });
    expect((await client.query('SELECT count(*)::int AS n FROM wide')).rows[0].n).toBe(0);
  });

  it('never takes a torn file for a whole one', async () => {
    const rows = await readCopyBinary(client, `SELECT n, 'text' || n FROM generate_series(1, 3) n`);
    expect(rows).toHaveLength(3);
    const field = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes]);
    const u32 = (n: number): Buffer => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n]);
    const whole = Buffer.concat([
      Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
      u32(0),
      u32(0),
      Buffer.from([0, 1]),
      field(Buffer.from('abc')),
      Buffer.from([255, 255]),
    ]);
    expect(parseCopyBinary(whole)).toEqual([[Buffer.from('abc')]]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseCopyBinary(whole.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'POSTGRES_BAD_VALUE' }),
      );
    }
  });
});
