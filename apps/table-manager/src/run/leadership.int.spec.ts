import { setTimeout as sleepFor } from 'node:timers/promises';
import { createPool, type Pool } from '@millrace/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { until } from '../testing/rig';
import { postgresLock } from './leader-lock';
import { Leadership } from './leadership';

let database: TestDatabase;
const pools: Pool[] = [];
const contenders: Leadership[] = [];
let log: string[];

beforeEach(async () => {
  database = await testDatabase();
  log = [];
});
afterEach(async () => {
  for (const contender of contenders.splice(0)) await contender.stop();
  for (const pool of pools.splice(0)) await pool.end();
  await database.drop();
});

function contender(name: string, start: () => Promise<void> = async () => undefined, retryMs = 20): Leadership {
  const pool = createPool({ url: database.url, max: 2, applicationName: name });
  pools.push(pool);
  const made = new Leadership({
    lock: postgresLock(pool),
    work: {
      start: async () => {
        await start();
        log.push(`${name} starts`);
      },
      stop: async () => void log.push(`${name} stops`),
    },
    ...{
      retryMs,
      heartbeatMs: 50,
      onChange: () => undefined,
      onError: (error) => log.push(`${name} fails: ${(error as Error).message}`),
    },
    sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
  });
  contenders.push(made);
  made.start();
  return made;
}

const kill = (name: string) =>
  database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`,
    [name],
  );

test('one leads, the other stands by and takes over when the first one goes', async () => {
  const a = contender('a');
  await until(() => a.role === 'leader');
  const b = contender('b');
  await until(() => b.role === 'standby');
  await sleepFor(100);
  expect(log).toEqual(['a starts']);
  await a.stop();
  await until(() => b.role === 'leader');
  expect(log).toEqual(['a starts', 'a stops', 'b starts']);
  expect(a.role).toBeNull();
});

test('a leader whose session is lost stops its work, and may lead again', async () => {
  const a = contender('a');
  await until(() => a.role === 'leader');
  await kill('a');
  await until(() => log.length === 3);
  expect(log).toEqual(['a starts', 'a stops', 'a starts']);
});

test('one that cannot start its work lets the other lead', async () => {
  let broken = true;
  const a = contender('a', async () => {
    if (broken) throw new Error('out of order');
  });
  await until(() => a.fault === 'out of order');
  const b = contender('b');
  await until(() => b.role === 'leader');
  broken = false;
  await b.stop();
  await until(() => a.role === 'leader');
  expect(a.fault).toBeNull();
  expect(log.filter((line) => !line.includes('fails'))).toEqual(['b starts', 'b stops', 'a starts']);
});

test('a standby stops at once', async () => {
  const a = contender('a');
  await until(() => a.role === 'leader');
  const b = contender('b', undefined, 3_600_000);
  await until(() => b.role === 'standby');
  await b.stop();
  expect(b.role).toBeNull();
});
