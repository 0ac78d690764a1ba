import net from 'node:net';
import { isUnavailable, isUnknownOutcome } from './errors';
import { createPool, type Pool } from './pool';
import { testDatabase, type TestDatabase } from './testing';
import { commit, transaction } from './transaction';

/** Passes everything through until a message of the client holds `cutAt`: then it resets, before or after passing it. */
async function cutter(url: string, cutAt: string, when: 'before' | 'after'): Promise<{ url: string; close(): void }> {
  const { port, hostname } = new URL(url);
  const server = net.createServer((inbound) => {
    const outbound = net.connect(Number(port), hostname);
    const drop = (): void => void (inbound.destroy(), outbound.destroy());
    inbound.on('error', drop).on('close', drop);
    outbound.on('error', drop).on('close', drop);
    let cut = false;
    outbound.on('data', (data) => (cut ? drop() : inbound.write(data)));
    inbound.on('data', (data) => {
      cut = data.includes(cutAt);
      if (cut && when === 'before') drop();
      else outbound.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.port = String((server.address() as net.AddressInfo).port);
  return { url: through.toString(), close: () => server.close() };
}

describe('transactions', () => {
  let database: TestDatabase;
  let pool: Pool;
  const count = async (): Promise<number> => (await pool.query('SELECT count(*)::int AS n FROM log')).rows[0].n;
  const poolOf = (url: string): Pool => createPool({ url, max: 4, applicationName: 'transactions' });

  beforeAll(async () => {
    database = await testDatabase();
    pool = database.pool;
    await pool.query('CREATE TABLE log (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
  });
  beforeEach(() => pool.query('TRUNCATE log'));
  afterAll(() => database.drop());

  it('commits what resolves and rolls back what throws', async () => {
    expect(
      await transaction(
        pool,
        async (client) => (await client.query('INSERT INTO log VALUES (1) RETURNING n')).rows[0].n,
      ),
    ).toBe(1);
    const boom = new Error('boom');
    const failing = transaction(pool, async (client) => {
      await client.query('INSERT INTO log VALUES (2)');
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect(await count()).toBe(1);
  });

  it('passes on what COMMIT refuses', async () => {
    const failing = transaction(pool, (client) => client.query('INSERT INTO log VALUES (1), (1)'));
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    await expect(failing).rejects.not.toMatchObject({ code: 'POSTGRES_UNKNOWN_OUTCOME' });
    expect(await count()).toBe(0);
  });

  it('does not pretend success when a failure was swallowed', async () => {
    const failing = transaction(pool, async (client) => {
      await client.query('INSERT INTO log VALUES (1)');
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: 'POSTGRES_ROLLED_BACK' });
    expect(await count()).toBe(0);
  });

  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('a connection lost just %s COMMIT arrived is an unknown outcome', async (when, rows) => {
    const cut = await cutter(database.url, 'COMMIT', when);
    const through = poolOf(cut.url);
    const lost = await transaction(through, (client) => client.query('INSERT INTO log VALUES (1)')).catch(
      (error: unknown) => error,
    );
    expect(isUnknownOutcome(lost)).toBe(true);
    expect(isUnavailable(lost)).toBe(true);
    await through.end();
    cut.close();
    // The server may need a moment to notice that the client has gone.
    for (let i = 0; i < 1_000 && (await count()) !== rows; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await count()).toBe(rows);
  });

  it('a connection lost earlier is no unknown outcome, and the pool works on', async () => {
    const other = poolOf(database.url);
    const lost = await transaction(other, async (client) => {
      await client.query('INSERT INTO log VALUES (1)');
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      // Nothing is being asked while the connection breaks: without a listener that would end the process.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await client.query('SELECT 1');
    }).catch((error: unknown) => error);
    expect(isUnavailable(lost)).toBe(true);
    expect(isUnknownOutcome(lost)).toBe(false);
    expect(await count()).toBe(0);
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await other.end();
  });

  it('runs again after a conflict when asked to, and only then', async () => {
    await pool.query('INSERT INTO log VALUES (0)');
    const increment = async (retry: boolean): Promise<PromiseSettledResult<unknown>[]> => {
      let reading = 4;
      let allHaveRead = (): void => undefined;
      const barrier = new Promise<void>((resolve) => (allHaveRead = resolve));
      const one = (): Promise<void> =>
        transaction(
          pool,
          async (client) => {
            const { rows } = await client.query('SELECT n FROM log');
            if (--reading === 0) allHaveRead();
            await barrier;
            await client.query('UPDATE log SET n = $1', [rows[0].n + 1]);
          },
          { isolation: 'serializable', retry: retry && { attemptsMax: 50 } },
        );
      return Promise.allSettled([one(), one(), one(), one()]);
    };
    const once = await increment(false);
    expect(once.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const again = await increment(true);
    expect(again.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect((await pool.query('SELECT n FROM log')).rows).toEqual([{ n: 5 }]);
  });

  it('sends the last statement with COMMIT, and commits nothing when it raises', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    const [last] = await commit(client, 'INSERT INTO log VALUES (7) RETURNING n');
    expect(last?.rows).toEqual([{ n: 7 }]);
    await client.query('BEGIN; INSERT INTO log VALUES (8)');
    await expect(commit(client, 'SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
    await client.query('ROLLBACK');
    client.release();
    expect((await pool.query('SELECT n FROM log')).rows).toEqual([{ n: 7 }]);
  });

  it('a read-only transaction writes nothing', async () => {
    await expect(
      transaction(pool, (c) => c.query('INSERT INTO log VALUES (1)'), { readOnly: true }),
    ).rejects.toMatchObject({ code: '25006' });
  });

  it('ends a session that idles inside a transaction, and its locks with it', async () => {
    const impatient = createPool({
      url: database.url,
      max: 1,
      applicationName: 'idler',
      idleInTransactionTimeoutMs: 50,
    });
    const idling = transaction(impatient, async (client) => {
      await client.query('LOCK TABLE log');
      await new Promise((resolve) => setTimeout(resolve, 300));
      await client.query('SELECT 1');
    });
    await expect(idling.catch(isUnavailable)).resolves.toBe(true);
    expect(await count()).toBe(0);
    await impatient.end();
  });
});
