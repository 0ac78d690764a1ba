import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { freePortRange, listen, until } from './fixtures/waiting';
import type { ChildLine } from './log-lines';
import { type Millrace, startMillrace } from './millrace';
import type { StartOptions } from './options';
import { processIdentity } from './process-identity';
import { DATABASE_SERVICES, SERVICES, WORKSPACE_ROOT } from './services';

const FAKE = path.join(__dirname, 'fixtures', 'fake-service.cjs');

let dir: string;
let options: StartOptions;
let millrace: Millrace | null;
let said: string[];
let lines: ChildLine[];

beforeAll(() => {
  execFileSync(
    process.execPath,
    [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs'), 'tools', 'libs/postgres', 'libs/observability'],
    { cwd: WORKSPACE_ROOT },
  );
});

beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-start-'));
  options = { dataDir: path.join(dir, 'data'), portBase: await freePortRange(), workers: 2, jsonLogs: false };
  millrace = null;
  said = [];
  lines = [];
});

afterEach(async () => {
  await millrace?.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

const start = async (signal = new AbortController().signal): Promise<Millrace> => {
  millrace = await startMillrace(options, {
    env: { PATH: process.env['PATH'], PORT: '1', DATABASE_URL: 'postgresql://nowhere' },
    signal,
    onLine: (line) => lines.push(line),
    say: (text) => said.push(text),
    entryOf: () => FAKE,
  });
  return millrace;
};

it('runs every service behind the front door, each with its own role', async () => {
  const { url, ports } = await start();
  const readiness = await fetch(`${url}/readiness`);
  expect([readiness.status, Object.keys(((await readiness.json()) as { services: object }).services)]).toEqual([
    200,
    SERVICES.map(({ name }) => name),
  ]);
  for (const { name, schema } of DATABASE_SERVICES) {
    const [first] = ports.services[name];
    const env = (await (await fetch(`http://127.0.0.1:${first?.port}/environment`)).json()) as Record<string, string>;
    expect(env['PORT']).toBeUndefined();
    expect(env['STORAGE_ROOT']).toBe(path.join(options.dataDir, 'lake'));
    const client = new Client({ connectionString: env['DATABASE_URL'] as string });
    await client.connect();
    expect((await client.query('select current_user as role, current_schema() as schema')).rows).toEqual([
      { role: `millrace_${schema}`, schema },
    ]);
    await client.end();
  }
  const [generator] = ports.services['event-generator'];
  const env = (await (await fetch(`http://127.0.0.1:${generator?.port}/environment`)).json()) as Record<string, string>;
  expect([env['DATABASE_URL'], env['GENERATOR_TARGET_URL']]).toEqual([undefined, url]);
  expect(ports.services['curation-worker'].map(({ process: name }) => name)).toEqual([
    'curation-worker',
    'curation-worker-2',
  ]);
  expect(new Set(lines.map(({ process: name }) => name))).toEqual(
    new Set(['postgres', 'front-door', 'curation-worker-2', ...SERVICES.map(({ name }) => name)]),
  );
});

it('stops everything, frees the folder, and starts on it again with its passwords', async () => {
  const first = await start();
  const pids = lockedPids();
  expect(pids).toHaveLength(8);
  await first.stop();
  expect(pids.filter((pid) => processIdentity(pid) !== null)).toEqual([]);
  expect(fs.existsSync(path.join(options.dataDir, 'supervisor.lock'))).toBe(false);
  said = [];
  await start();
  expect(said).toEqual([]);
});

it('refuses a folder that another start holds', async () => {
  await start();
  const running = millrace;
  await expect(start()).rejects.toThrow(`pid ${process.pid}`);
  expect((await fetch(`${running?.url}/readiness`)).status).toBe(200);
});

it('names every port that is taken, and starts nothing', async () => {
  const base = options.portBase as number;
  const taken = await Promise.all([base + 1, base + 3].map((port) => listen(port)));
  await expect(start()).rejects.toThrow(
    new RegExp(
      `Port ${base + 1} of ingest-gateway is taken by pid ${process.pid}[^]*Port ${base + 3} of table-manager[^]*--port-base`,
    ),
  );
  expect(lines).toEqual([]);
  for (const server of taken) server.close();
  await start();
});

it('names the port of Postgres when that is taken', async () => {
  const taken = await listen((options.portBase as number) + 9);
  await expect(start()).rejects.toThrow(
    new RegExp(`Port ${(options.portBase as number) + 9} of postgres is taken by pid ${process.pid}[^]*--port-base`),
  );
  taken.close();
});

it('comes back when Postgres is killed', async () => {
  const { ports } = await start();
  const before = lines.length;
  process.kill(postmasterPid(), 'SIGKILL');
  await until(() => lines.slice(before).some(({ text }) => text.includes('Postgres runs')));
  const [gateway] = ports.services['ingest-gateway'];
  const { DATABASE_URL } = (await (await fetch(`http://127.0.0.1:${gateway?.port}/environment`)).json()) as {
    DATABASE_URL: string;
  };
  const client = new Client({ connectionString: DATABASE_URL });
  await client.connect();
  await client.end();
});

it('stops what it had started when it is told to stop in the middle', async () => {
  const abort = new AbortController();
  const starting = start(abort.signal);
  await until(() => lines.some(({ text }) => text.includes('Postgres runs')));
  abort.abort(new Error('enough'));
  await expect(starting).rejects.toThrow('enough');
  expect(fs.existsSync(path.join(options.dataDir, 'supervisor.lock'))).toBe(false);
  await start();
});

const lockedPids = (): number[] =>
  (
    JSON.parse(fs.readFileSync(path.join(options.dataDir, 'supervisor.lock'), 'utf8')) as {
      children: { pid: number }[];
    }
  ).children.map(({ pid }) => pid);

/** The newest server that the keeper has told of. */
function postmasterPid(): number {
  const entry = lines.filter(({ text }) => text.includes('Postgres runs')).pop();
  return (JSON.parse(entry?.text as string) as { pid: number }).pid;
}
