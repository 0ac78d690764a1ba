import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Duck, openDuck, quoteIdentifier, quoteLiteral } from '.';

describe('openDuck', () => {
  let duck: Duck;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'millrace-duck-'));
    duck = await openDuck({ memoryLimitMb: 64, threads: 1, tempDirectory: folder, spillBytesMax: 1 << 20 });
  });
  afterAll(async () => {
    await duck.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  it('loses nothing of a value', async () => {
    const [row] = await duck.query(`SELECT 7 AS i, 9007199254740991::BIGINT AS safe, 9007199254740993::BIGINT AS big,
      170141183460469231731687303715884105727::HUGEINT AS huge, 1.10::DECIMAL(38, 2) AS money, DATE '1969-12-30' AS day,
      TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' AS before, TIMESTAMPTZ '2026-01-01 05:30:00+05:30' AS zoned,
      TIMESTAMP '2026-01-01 00:00:00' AS zoneless, [1, NULL] AS list, {'a': {'b': 2}} AS nested, MAP {'k': 1} AS map,
      'x\\x00y'::BLOB AS blob, 'NaN'::DOUBLE AS nan, NULL AS nothing, true AS yes, 5 AS "__proto__"`);
    expect({ ...row }).toEqual({
      i: 7,
      safe: 9007199254740991,
      big: 9007199254740993n,
      huge: 170141183460469231731687303715884105727n,
      money: '1.10',
      day: '1969-12-30',
      before: '1969-12-31T23:59:59.999999Z',
      zoned: '2026-01-01T00:00:00.000000Z',
      zoneless: '2026-01-01T00:00:00.000000',
      list: [1, null],
      nested: { a: { b: 2 } },
      map: [{ key: 'k', value: 1 }],
      blob: Buffer.from('x\0y'),
      nan: NaN,
      nothing: null,
      yes: true,
      ['__proto__']: 5,
    });
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
  });

  it('binds parameters exactly', async () => {
    const given = [
      1,
      1.5,
      9007199254740993n,
      "it's",
      null,
      true,
      Buffer.from([0, 255]),
      new Date('2026-01-02T03:04:05.678Z'),
    ];
    const [row] = await duck.query(
      'SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g, ? AS h, typeof(?) AS t',
      [...given, 12],
    );
    expect(Object.values(row)).toEqual([...given.slice(0, 7), '2026-01-02T03:04:05.678000Z', 'BIGINT']);
  });

  it('follows UTC on every connection', async () => {
    const own = await duck.connect();
    const [row] = await own.query("SELECT TIMESTAMPTZ '2026-01-01 23:30:00-02:00'::DATE AS day");
    own.close();
    expect(row.day).toBe('2026-01-02');
  });

  it.each([
    ['a value that does not fit', "SELECT 'x'::INTEGER", 'DUCK_CONVERSION'],
    ['an overflow', 'SELECT 9223372036854775807 + 1', 'DUCK_CONVERSION'],
    ['a missing file', "FROM read_parquet('/absent/x.parquet')", 'DUCK_IO'],
    ['a full disk', "COPY (SELECT 1) TO '/dev/full' (FORMAT csv)", 'DUCK_DISK_FULL'],
    ['a syntax error', 'SELEC', 'DUCK_STATEMENT'],
    ['an unknown table', 'FROM nowhere', 'DUCK_STATEMENT'],
    ['an error raised by SQL', "SELECT error('boom')", 'DUCK_INVALID_INPUT'],
    ['too little memory', "SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(3000000)", 'DUCK_OUT_OF_MEMORY'],
  ])('classifies %s', async (_, sql, code) => {
    await expect(duck.query(sql)).rejects.toMatchObject({ name: 'DuckError', code });
  });

  const endless = 'SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3';

  it('stops a statement at its timeout and goes on working', async () => {
    const began = performance.now();
    await expect(duck.query(endless, [], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'DUCK_TIMEOUT' });
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(await duck.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('stops a statement when its signal says so', async () => {
    const abort = new AbortController();
    const running = duck.query(endless, [], { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'DUCK_CANCELLED' });
    await expect(duck.query('SELECT 1', [], { signal: abort.signal })).rejects.toMatchObject({
      code: 'DUCK_CANCELLED',
    });
  });

  it('runs no more statements at once than it may, and all of them', async () => {
    const small = await openDuck({ memoryLimitMb: 64, threads: 1, connectionsMax: 2 });
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 12 }, () =>
        small.use(async (connection) => {
          most = Math.max(most, ++running);
          await connection.query('SELECT count(*) FROM range(100000)');
          running--;
        }),
      ),
    );
    expect(most).toBe(2);
    await small.close();
    await expect(small.query('SELECT 1')).rejects.toMatchObject({ code: 'DUCK_CLOSED' });
  });

  it('closes only when the statements under way have ended', async () => {
    const other = await openDuck({ memoryLimitMb: 64, threads: 1 });
    const running = other.query('SELECT count(*) AS n FROM range(20000000)');
    await other.close();
    expect(await running).toEqual([{ n: 20_000_000 }]);
  });
});

describe('quoting', () => {
  it('takes any text', async () => {
    const duck = await openDuck({ memoryLimitMb: 64, threads: 1 });
    for (const text of ["it's", 'say "x"', 'nul\0in\0side', '', "');--", '\u{1f600}']) {
      const [row] = await duck.query(
        `SELECT ${quoteLiteral(text)} AS ${quoteIdentifier(`c${text.replaceAll('\0', '')}`)}`,
      );
      expect(Object.entries(row)).toEqual([[`c${text.replaceAll('\0', '')}`, text]]);
    }
    expect(quoteLiteral(null)).toBe('NULL');
    await duck.close();
  });
});
