import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SupervisedChild } from './child-process';
import { freePort, until } from './fixtures/waiting';
import type { ChildRecord } from './lock';
import type { ChildLine } from './log-lines';
import { processIdentity } from './process-identity';
import { WORKSPACE_ROOT } from './services';
import { type ServiceSpec, Supervisor } from './supervisor';

const DIST = path.join(WORKSPACE_ROOT, 'tools', 'dist', 'start');
const FIXTURES = path.join(__dirname, 'fixtures');
const LIMITS = { delayMsMin: 20, delayMsMax: 200, steadyMs: 60_000 };

let dir: string;
let journal: string;
let supervisor: Supervisor;
let children: SupervisedChild[];
let said: string[];
let lines: ChildLine[];
let records: readonly ChildRecord[];
const processes: ChildProcess[] = [];

beforeAll(() => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs'), 'tools'], { cwd: WORKSPACE_ROOT });
});

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-supervisor-'));
  journal = path.join(dir, 'journal');
  fs.writeFileSync(journal, '');
  said = [];
  lines = [];
  records = [];
  children = [];
  supervisor = new Supervisor({
    onLine: (line) => lines.push(line),
    say: (text) => said.push(text),
    onChildren: (all) => (records = all),
    random: () => 0.5,
    limits: LIMITS,
  });
});

afterEach(async () => {
  const pids = startedPids();
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  await supervisor.stop(children, 0);
  // Services of a supervisor that was ended above drain by themselves.
  await until(() => pids.every((pid) => processIdentity(pid) === null));
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

describe('a supervised service', () => {
  it('is ready once it answers, and its lines carry its name', async () => {
    const spec = await fake('one');
    children.push(supervisor.run(spec));
    await supervisor.ready([spec], never());
    await until(() => lines.length > 0);
    expect(lines[0]?.process).toBe('one');
    expect(records).toEqual([
      { name: 'one', pid: expect.any(Number), identity: processIdentity(records[0]?.pid as number) },
    ]);
  });

  it('is started again after a crash, each time later', async () => {
    const spec = await fake('one');
    const child = supervisor.run(spec);
    children.push(child);
    await supervisor.ready([spec], never());
    for (let crash = 1; crash <= 3; crash++) {
      const before = child.record?.pid;
      await fetch(`http://127.0.0.1:${spec.env['PORT']}/crash`).catch(() => undefined);
      await until(() => child.record !== null && child.record.pid !== before);
      await supervisor.ready([spec], never());
    }
    expect(said.map((text) => /in (\d\.\d) s/.exec(text)?.[1] !== undefined)).toEqual([true, true, true]);
    expect(said[0]).toContain('one exited with code 3');
    expect(said[2]).toContain('(3 in a row)');
  });

  it('comes back after kill -9', async () => {
    const spec = await fake('one');
    const child = supervisor.run(spec);
    children.push(child);
    await supervisor.ready([spec], never());
    const pid = child.record?.pid as number;
    process.kill(pid, 'SIGKILL');
    await until(() => child.record !== null && child.record.pid !== pid);
    await supervisor.ready([spec], never());
    expect(said[0]).toContain('one was ended by SIGKILL');
  });

  it('that never comes up fails the start with its last words', async () => {
    const spec = await fake('one', { FAKE_MODE: 'crash' });
    children.push(supervisor.run(spec));
    await expect(supervisor.ready([spec], never())).rejects.toThrow(
      /one does not start: it ended 5 times in a row \(exit code 3\)[^]*FAKE_SETTING is missing/,
    );
  });

  it('whose settings are wrong fails the start at once with its last words', async () => {
    const spec = await fake('one', { FAKE_MODE: 'misconfigured' });
    children.push(supervisor.run(spec));
    await expect(supervisor.ready([spec], never())).rejects.toThrow(
      /one does not start: its settings are wrong\.[^]*FAKE_SETTING is missing/,
    );
    expect(said).toEqual([]);
  });

  it('finishes the request it holds before it stops', async () => {
    const spec = await fake('one');
    children.push(supervisor.run(spec));
    await supervisor.ready([spec], never());
    const answer = fetch(`http://127.0.0.1:${spec.env['PORT']}/slow`).then((response) => response.text());
    await until(() => journaled().includes('one slow'));
    await supervisor.stop(children, 20_000);
    expect(await answer).toBe('finished');
    expect(journaled()).toContain('one draining-1');
    expect(journaled()).toContain('one drained');
    expect(said).toEqual([]);
  });

  it('that ignores SIGTERM is killed after its grace', async () => {
    const spec = await fake('one', { FAKE_MODE: 'stubborn' });
    const child = supervisor.run(spec);
    children.push(child);
    await supervisor.ready([spec], never());
    const pid = child.record?.pid as number;
    await supervisor.stop(children, 300);
    expect(processIdentity(pid)).toBeNull();
    expect(said[0]).toContain('had not drained');
  });

  it('is not started again once it was stopped', async () => {
    const spec = await fake('one');
    const child = supervisor.run(spec);
    await supervisor.ready([spec], never());
    await supervisor.stop([child], 20_000);
    await sleep(LIMITS.delayMsMax + 50);
    expect(child.record).toBeNull();
    expect(journaled().filter((what) => what.startsWith('one started'))).toHaveLength(1);
  });
});

describe('a supervisor that is killed -9', () => {
  it('takes its services with it, and the next start takes over the lock', async () => {
    const specs = [await fake('one'), await fake('two')];
    const first = superviseApart(specs);
    const pids = await first.ready;
    first.process.kill('SIGKILL');
    await until(() => pids.every((pid) => processIdentity(pid) === null));
    expect(journaled()).toEqual(expect.arrayContaining(['one drained', 'two drained']));
    const second = superviseApart(specs);
    expect(await second.ready).toHaveLength(2);
  });

  it('leaves what hangs to the next start, which ends it', async () => {
    const specs = [await fake('one', { FAKE_MODE: 'stubborn' })];
    const first = superviseApart(specs);
    const [pid] = await first.ready;
    process.kill(pid as number, 'SIGSTOP');
    first.process.kill('SIGKILL');
    await first.ended;
    const second = superviseApart([await fake('two')]);
    // A stopped process ignores SIGTERM; the kill follows after the grace.
    await second.ready;
    expect(second.output()).toContain('leftovers ["one"]');
    expect(processIdentity(pid as number)).toBeNull();
  });

  it('does not make the next start touch a process that merely has a recorded pid', async () => {
    const stranger = spawn('sleep', ['60']);
    processes.push(stranger);
    fs.writeFileSync(
      path.join(dir, 'supervisor.lock'),
      JSON.stringify({
        token: 't',
        pid: 999_999_999,
        identity: 'gone',
        host: os.hostname(),
        startedAt: '',
        url: null,
        children: [{ name: 'one', pid: stranger.pid, identity: 'boot:1' }],
      }),
    );
    const start = superviseApart([await fake('two')]);
    await start.ready;
    expect(start.output()).toContain('leftovers []');
    expect(processIdentity(stranger.pid as number)).not.toBeNull();
  });
});

describe('a second start on the same folder', () => {
  it('names the pid that holds it and exits with status 1', async () => {
    const first = superviseApart([await fake('one')]);
    await first.ready;
    const second = superviseApart([await fake('two')]);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`pid ${first.process.pid}`);
    expect(journaled().some((what) => what.startsWith('two'))).toBe(false);
    first.process.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(fs.existsSync(path.join(dir, 'supervisor.lock'))).toBe(false);
  });
});

async function fake(name: string, env: Record<string, string> = {}): Promise<ServiceSpec> {
  const port = await freePort();
  return {
    name,
    entry: path.join(FIXTURES, 'fake-service.cjs'),
    cwd: dir,
    guard: path.join(DIST, 'guard.js'),
    readinessUrl: `http://127.0.0.1:${port}/readiness`,
    env: { PATH: process.env['PATH'], PORT: String(port), FAKE_NAME: name, FAKE_JOURNAL: journal, ...env },
  };
}

function superviseApart(specs: readonly ServiceSpec[]) {
  const child = spawn(process.execPath, [path.join(FIXTURES, 'fake-supervisor.cjs'), DIST, dir, JSON.stringify(specs)]);
  processes.push(child);
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ready = new Promise<number[]>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const pids = /ready (\[.*\])/.exec(output)?.[1];
        if (pids) resolve(JSON.parse(pids) as number[]);
      });
    }
    void ended.then(() => reject(new Error(`the supervisor ended: ${output}`)));
  });
  ready.catch(() => undefined);
  return { process: child, ended, ready, output: () => output };
}

/** What the services wrote down, without their pids. */
const journaled = (): string[] =>
  fs
    .readFileSync(journal, 'utf8')
    .split('\n')
    .map((line) => line.replace(/ \d+$/, ''));

const startedPids = (): number[] =>
  [...fs.readFileSync(journal, 'utf8').matchAll(/started (\d+)$/gm)].map(([, pid]) => Number(pid));

const never = (): AbortSignal => new AbortController().signal;
