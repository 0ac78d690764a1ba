import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { SupervisedChild } from './child-process';
import { freePort, until } from './fixtures/waiting';
import type { KeeperMessage } from './postgres-keeper';
import { processIdentity } from './process-identity';
import { WORKSPACE_ROOT } from './services';
import { Supervisor } from './supervisor';

const DIST = path.join(WORKSPACE_ROOT, 'tools', 'dist', 'start');
type Ready = Extract<KeeperMessage, { type: 'postgres-ready' }>;

let dir: string;
let port: number;
let supervisor: Supervisor;
let keeper: SupervisedChild;
let ready: Ready[];

beforeAll(() => {
  execFileSync(
    process.execPath,
    [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs'), 'tools', 'libs/postgres', 'libs/observability'],
    { cwd: WORKSPACE_ROOT },
  );
});

beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-keeper-'));
  port = await freePort();
  ready = [];
  supervisor = new Supervisor({
    onLine: () => undefined,
    say: () => undefined,
    onChildren: () => undefined,
    random: () => 0.5,
    limits: { delayMsMin: 20, delayMsMax: 200, steadyMs: 60_000 },
  });
  keeper = supervisor.run(
    {
      name: 'postgres',
      entry: path.join(DIST, 'postgres-keeper.js'),
      cwd: dir,
      guard: path.join(DIST, 'guard.js'),
      env: {
        PATH: process.env['PATH'],
        POSTGRES_DATA_DIR: path.join(dir, 'postgres'),
        POSTGRES_PORT: String(port),
        POSTGRES_ADMIN_PASSWORD: 'secret',
      },
    },
    (message) => {
      if ((message as KeeperMessage).type === 'postgres-ready') ready.push(message as Ready);
    },
  );
  await until(() => ready.length === 1);
});

afterEach(async () => {
  await supervisor.stop([keeper], 20_000);
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

it('starts Postgres again after a crash, with what was committed', async () => {
  await query('create table kept as select 42 as n');
  process.kill(ready[0]?.pid as number, 'SIGKILL');
  await until(() => ready.length === 2);
  expect(ready[1]?.pid).not.toBe(ready[0]?.pid);
  expect((await query('select n from kept')).rows).toEqual([{ n: 42 }]);
  expect(keeper.record).not.toBeNull();
});

it('that is killed finds Postgres running and keeps it', async () => {
  process.kill(keeper.record?.pid as number, 'SIGKILL');
  await until(() => ready.length === 2);
  expect(ready[1]).toMatchObject({ pid: ready[0]?.pid, adopted: true });
});

it('stops Postgres when it is stopped', async () => {
  const pid = ready[0]?.pid as number;
  await supervisor.stop([keeper], 20_000);
  expect(processIdentity(pid)).toBeNull();
});

it('stops Postgres also when it is told twice', async () => {
  const pid = ready[0]?.pid as number;
  const keeperPid = keeper.record?.pid as number;
  keeper.kill('SIGTERM');
  keeper.kill('SIGTERM');
  await until(() => processIdentity(keeperPid) === null);
  expect(processIdentity(pid)).toBeNull();
});

async function query(sql: string) {
  const client = new Client({ connectionString: ready[ready.length - 1]?.adminUrl as string });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
