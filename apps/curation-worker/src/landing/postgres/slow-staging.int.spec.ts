import { setTimeout as sleep } from 'node:timers/promises';
import { type Duck } from '@millrace/lakehouse';
import { createPool, type Pool } from '@millrace/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { systemTimers } from '../../machine.client';
import { batchOf, makeBench, shipmentEvent } from '../../testing/landing-bench';
import { MIGRATIONS } from '../../testing/lake';
import { testDuck } from '../../testing/worker-under-test';
import type { Timers } from '../../worker/timers';
import { PostgresLandingStore } from './store';

describe('files that take longer to write than the database lets a transaction idle', () => {
  let database: TestDatabase;
  let pool: Pool;
  let duck: Duck;

  beforeAll(async () => (duck = await testDuck()));
  afterAll(() => duck.close());
  beforeEach(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  const landSlowly = async (
    timers: Timers,
    { idleMsMax, stagingMs, triesMax }: { idleMsMax: number; stagingMs: number; triesMax: number },
  ): Promise<{ tries: number; landed: boolean }> => {
    const options = { url: database.url, max: 4, applicationName: 'test' };
    pool = createPool({ ...options, idleInTransactionTimeoutMs: idleMsMax });
    let tries = 0;
    const stopping = new AbortController();
    const bench = await makeBench({
      ...{ duck, timers },
      wrap: () => new PostgresLandingStore(pool),
      failpoint: async (name) => {
        if (name !== 'after-parquet') return;
        if (++tries > triesMax) stopping.abort(new Error('enough'));
        await sleep(stagingMs);
      },
    });
    const prepared = await bench.lander.prepare(batchOf([shipmentEvent('a')]), {
      signal: new AbortController().signal,
    });
    const landed = await bench.lander.land(prepared, { epoch: bench.epoch, attempts: 1, signal: stopping.signal }).then(
      ({ kind }) => kind === 'landed',
      () => false,
    );
    return { tries, landed };
  };

  test('land at the first try, because the transaction is kept alive', async () => {
    const often: Timers = { ...systemTimers, every: (_ms, callback) => systemTimers.every(100, callback) };
    // The limit leaves a busy machine time for what the transaction does besides.
    const bounds = { idleMsMax: 1_500, stagingMs: 2_500, triesMax: 3 };
    expect(await landSlowly(often, bounds)).toEqual({ tries: 1, landed: true });
  });

  test('would be repeated for ever otherwise', async () => {
    const never: Timers = { ...systemTimers, every: () => () => undefined };
    const bounds = { idleMsMax: 300, stagingMs: 900, triesMax: 2 };
    expect(await landSlowly(never, bounds)).toMatchObject({ landed: false });
  });
});
