import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { quoteLiteral } from '@millrace/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Delivered } from '../delivery';
import type { TaskRunner } from '../port';
import { eventually, pause, Target, tasksConformance } from '../testing';
import {
  createPostgresTaskRunner,
  createPostgresTasks,
  migratePostgresTasks,
  type PostgresTaskRunnerOptions,
} from './index';

const PACKAGE = path.resolve(__dirname, '../..');
const POLL_MS = 20;

/** A database with the tasks' schema, cloned. */
const tasksDatabase = (): Promise<TestDatabase> =>
  testDatabase({
    prepare: {
      key: readFileSync(path.join(__dirname, 'migrations', '0001_http_tasks', 'migration.sql'), 'utf8'),
      run: (url) => migratePostgresTasks({ url }),
    },
  });

tasksConformance('postgres', async ({ origins, concurrency, drainMsMax, onDelivered }) => {
  const database = await tasksDatabase();
  const queues = Object.fromEntries(Object.entries(concurrency).map(([queue, n]) => [queue, { concurrency: n }]));
  return {
    tasks: createPostgresTasks({ pool: database.pool, origins }),
    runner: () =>
      createPostgresTaskRunner({
        url: database.url,
        origins,
        queues,
        drainMsMax,
        onDelivered,
        pollMs: POLL_MS,
        leaseMs: 2_000,
      }),
    latenessMs: 500,
    dispose: () => database.drop(),
  };
});

describe('tasks on Postgres', () => {
  let database: TestDatabase;
  let target: Target;
  let runners: TaskRunner[];
  const options = (more: Partial<PostgresTaskRunnerOptions> = {}): PostgresTaskRunnerOptions => ({
    url: database.url,
    origins: [target.origin],
    queues: { q: { concurrency: 5 } },
    pollMs: POLL_MS,
    leaseMs: 1_000,
    drainMsMax: 200,
    ...more,
  });
  const run = async (more: Partial<PostgresTaskRunnerOptions> = {}): Promise<TaskRunner> => {
    const runner = createPostgresTaskRunner(options(more));
    runners.push(runner);
    await runner.start();
    return runner;
  };
  const kill = async (child: ReturnType<typeof spawn>): Promise<void> => {
    const exit = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await exit;
  };
  const spawnRunner = async (): Promise<ReturnType<typeof spawn>> => {
    const child = spawn(
      process.execPath,
      ['--conditions=@millrace/source', path.join(PACKAGE, 'test', 'run-tasks.cjs'), JSON.stringify(options())],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: PACKAGE,
      },
    );
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    return child;
  };

  beforeEach(async () => {
    database = await tasksDatabase();
    target = await Target.listen();
    runners = [];
  });
  afterEach(async () => {
    target.releaseAll();
    for (const runner of runners) await runner.stop();
    await target.close();
    await database.drop();
  });

  it('a task outlives kill -9 of its runner, at its only attempt too', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    target.answer = () => 'hang';
    const child = await spawnRunner();
    for (let i = 0; i < 8; i++)
      await tasks.enqueue({ queue: 'q', name: `n-${i}`, url: `${target.origin}/${i}`, attemptsMax: 1 });
    await eventually(() => target.calls.length === 5, 'as many attempts as the queue may make');
    await kill(child);
    expect(await tasks.enqueue({ queue: 'q', name: 'n-0', url: `${target.origin}/0` })).toBe('exists');
    target.answer = () => 200;
    const outcomes: Delivered[] = [];
    await run({ onDelivered: (delivered) => outcomes.push(delivered) });
    await eventually(
      () => outcomes.filter(({ outcome }) => outcome === 'delivered').length >= 5,
      'what the dead runner held',
    );
    await eventually(() => outcomes.length === 8, 'the rest');
    expect(outcomes.every(({ outcome, attempt }) => outcome === 'delivered' && attempt === 1)).toBe(true);
    expect(target.calls).toHaveLength(5 + 8);
  });

  it('killed and started over and over, it delivers everything and nothing for ever', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    target.answer = () => pause(5).then(() => 200);
    const count = 150;
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        tasks.enqueue({ queue: 'q', name: `n-${i}`, url: `${target.origin}/${i}`, attemptsMax: 3 }),
      ),
    );
    for (let round = 0; round < 3; round++) {
      const child = await spawnRunner();
      await pause(15);
      await kill(child);
    }
    await run();
    const seen = (): number => new Set(target.calls.map(({ url }) => url)).size;
    await eventually(() => seen() === count, 'all tasks');
    const left = async (): Promise<number> =>
      (await database.pool.query('SELECT count(*)::int AS n FROM tasks._private_jobs')).rows[0].n;
    for (let i = 0; i < 1_500 && (await left()) > 0; i++) await pause(20);
    expect(await left()).toBe(0);
    // Twice only what was under way at a kill: at most the queue's concurrency each time.
    expect(target.calls.length).toBeLessThanOrEqual(count + 3 * 5);
  });

  it('two runners share the work, and each task is delivered once', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    target.answer = () => pause(2).then(() => 200);
    await Promise.all([run(), run()]);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => tasks.enqueue({ queue: 'q', url: `${target.origin}/${i}` })),
    );
    await eventually(() => target.calls.length >= 200, 'all calls');
    await pause(50);
    expect(target.calls).toHaveLength(200);
    expect(new Set(target.calls.map(({ url }) => url)).size).toBe(200);
  });

  it('a living runner keeps a task for longer than a lease', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    target.answer = () => 'hang';
    // A lease that a busy machine cannot let run out by standing still.
    await Promise.all([run({ leaseMs: 1_500 }), run({ leaseMs: 1_500 })]);
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/long` });
    await eventually(() => target.calls.length === 1, 'the call');
    await pause(3_500);
    expect(target.calls).toHaveLength(1);
  });

  it('only the empty queue wakes the runners', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    const listener = new Client({ connectionString: database.url });
    await listener.connect();
    let notified = 0;
    listener.on('notification', () => notified++);
    await listener.query('LISTEN "jobs:insert"');
    const url = `${target.origin}/x`;
    await tasks.enqueue({ queue: 'q', url, scheduleAt: new Date(Date.now() + 60_000) });
    for (let i = 0; i < 20; i++) await tasks.enqueue({ queue: 'q', url, name: `n-${i}` });
    await tasks.enqueue({ queue: 'q', url, name: 'n-0' });
    await tasks.enqueue({ queue: 'other', url });
    await eventually(() => notified >= 2, 'the notifications');
    await pause(20);
    expect(notified).toBe(2);
    await listener.end();
  });

  it('a new task starts at once, not at the next poll', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    await run({ pollMs: 3_600_000 });
    await pause(300);
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/now` });
    await eventually(() => target.calls.length === 1, 'the call');
  });

  it('a stored task to an origin that is no longer allowed is not delivered', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    const outcomes: Delivered[] = [];
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/x`, attemptsMax: 1 });
    await run({ origins: ['http://127.0.0.1:1'], onDelivered: (delivered) => outcomes.push(delivered) });
    await eventually(() => outcomes.length === 1, 'the outcome');
    expect(outcomes[0]).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('not an allowed origin') });
    expect(target.calls).toEqual([]);
  });

  it('keeps a failed task for a while, then deletes it', async () => {
    const tasks = createPostgresTasks({ pool: database.pool, origins: [target.origin] });
    target.answer = () => 500;
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/x`, attemptsMax: 1 });
    const first = await run({ leaseMs: 150 });
    const rows = async (): Promise<unknown[]> =>
      (await database.pool.query('SELECT attempts, last_error, key FROM tasks._private_jobs')).rows;
    await eventually(() => target.calls.length === 1, 'the call');
    const failed = async (): Promise<boolean> => JSON.stringify(await rows()).includes('HTTP 500');
    for (let i = 0; i < 500 && !(await failed()); i++) await pause(20);
    await pause(200);
    expect(await rows()).toEqual([{ attempts: 1, last_error: 'HTTP 500', key: null }]);
    await first.stop();
    await run({ leaseMs: 150, failedKeptMs: 1 });
    for (let i = 0; i < 1_000 && (await rows()).length > 0; i++) await pause(20);
    expect(await rows()).toEqual([]);
  });

  it('a service’s own role may enqueue and run with grants alone', async () => {
    const role = `tasks_${process.pid}_${randomBytes(4).toString('hex')}`;
    await database.pool
      .query(`CREATE ROLE ${role} LOGIN PASSWORD ${quoteLiteral(role)}; GRANT USAGE ON SCHEMA tasks TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasks TO ${role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA tasks TO ${role}`);
    const url = new URL(database.url);
    url.username = url.password = role;
    const tasks = createPostgresTasks({ url: url.toString(), origins: [target.origin] });
    const runner = await run({ url: url.toString() });
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/x` });
    await eventually(() => target.calls.length === 1, 'the call');
    await tasks.close();
    await runner.stop();
    await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('waits as backoff.ts does', async () => {
    const { rows } = await database.pool.query(
      `SELECT n, min(ms) AS low, max(ms) AS high FROM (
         SELECT n, extract(epoch FROM tasks.backoff(n, 100, 1000)) * 1000 AS ms FROM unnest(ARRAY[1, 2, 3, 4, 1000]) n, generate_series(1, 500)
       ) GROUP BY n ORDER BY n`,
    );
    const bounds = [
      [100, 200],
      [200, 400],
      [400, 800],
      [500, 1_000],
      [500, 1_000],
    ];
    rows.forEach(({ low, high }, i) => {
      const [from, to] = bounds[i];
      expect(Number(low)).toBeGreaterThanOrEqual(from);
      expect(Number(high)).toBeLessThanOrEqual(to);
      expect(Number(high) - Number(low)).toBeGreaterThan((to - from) * 0.9);
    });
  });

  it('migrates once, by several at once', async () => {
    const fresh = await testDatabase();
    const applied = await Promise.all(
      [1, 2, 3].map(() => migratePostgresTasks({ url: fresh.url, schema: 'elsewhere' })),
    );
    expect(applied.flat()).toEqual(['0001_http_tasks']);
    const tasks = createPostgresTasks({ pool: fresh.pool, origins: [target.origin], schema: 'elsewhere' });
    const runner = await run({ url: fresh.url, schema: 'elsewhere' });
    await tasks.enqueue({ queue: 'q', url: `${target.origin}/x` });
    await eventually(() => target.calls.length === 1, 'the call');
    await runner.stop();
    await fresh.drop();
  });
});
