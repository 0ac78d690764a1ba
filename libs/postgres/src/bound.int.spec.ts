import fc from 'fast-check';
import type { PoolClient } from 'pg';
import { bindMessage, executeBound, type Statement } from './bound';
import { testDatabase, type TestDatabase } from './testing';

describe('a bound statement', () => {
  let database: TestDatabase;
  let client: PoolClient;
  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(async () => {
    client = await database.pool.connect();
  });
  afterEach(() => client.release());
  afterAll(() => database.drop());

  const echo: Statement = {
    name: 'echo',
    text: "SELECT $1::text, encode($2::bytea, 'hex'), $3::integer + 1, NULL FROM generate_series(1, 2)",
  };
  const binary = (bytes: Uint8Array) => ({
    length: bytes.length,
    write: (target: Buffer, at: number) => target.set(bytes, at),
  });

  it('carries text and bytes there and rows back, from a buffer that is larger than it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => !s.includes('\0')) }),
        fc.uint8Array({ maxLength: 50_000 }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 2 }),
        async (text, bytes, number) => {
          const message = bindMessage(echo, [text, binary(bytes), String(number)], (size) =>
            Buffer.alloc(size + 99, 1),
          );
          const row = [text, Buffer.from(bytes).toString('hex'), String(number + 1), null];
          expect(await executeBound(client, echo, message)).toEqual([row, row]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is refused as any other, and the connection goes on with it and with others', async () => {
    const divide: Statement = { name: 'divide', text: 'SELECT 6 / $1::integer' };
    const by = (n: string) => executeBound(client, divide, bindMessage(divide, [n]));
    await expect(by('0')).rejects.toMatchObject({ code: '22012', severity: 'ERROR' });
    await expect(by('no number')).rejects.toMatchObject({ code: '22P02' });
    expect(await by('3')).toEqual([['2']]);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    const wrong: Statement = { name: 'wrong', text: 'SELEC' };
    for (let n = 0; n < 2; n++)
      await expect(executeBound(client, wrong, bindMessage(wrong, []))).rejects.toMatchObject({ code: '42601' });
    expect(await by('2')).toEqual([['3']]);
  });

  it('rejects when its connection is lost', async () => {
    const own = await database.pool.connect();
    const { rows } = await own.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const sleep: Statement = { name: 'sleep', text: 'SELECT pg_sleep($1::float8)' };
    // Awaited from the start: the connection may be lost before the one that ends it has its answer.
    const lost = expect(executeBound(own, sleep, bindMessage(sleep, ['60']))).rejects.toMatchObject({
      severity: 'FATAL',
    });
    await client.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await lost;
    own.release(true);
  });
});
