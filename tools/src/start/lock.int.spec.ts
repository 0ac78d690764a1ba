import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DataLock } from './lock';
import { processIdentity } from './process-identity';

let dir: string;
let file: string;
const record = (fields: object): string =>
  JSON.stringify({
    token: 't',
    pid: process.pid,
    identity: processIdentity(process.pid),
    host: os.hostname(),
    startedAt: '2026-01-01T00:00:00Z',
    url: 'http://127.0.0.1:8080',
    children: [],
    ...fields,
  });

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-lock-'));
  file = path.join(dir, 'supervisor.lock');
});
afterEach(() => fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 }));

it('is held once, and free again after its release', () => {
  const lock = DataLock.acquire(dir, { url: 'http://127.0.0.1:1' });
  expect(() => DataLock.acquire(dir)).toThrow(
    new RegExp(`already runs on ${dir}: pid ${process.pid}, since .*, at http://127.0.0.1:1`),
  );
  lock.release();
  DataLock.acquire(dir).release();
  expect(fs.readdirSync(dir)).toEqual([]);
});

it('is taken over from a process that is gone, with its children', () => {
  const gone = spawnSync('true').pid;
  const children = [{ name: 'one', pid: 1, identity: 'x' }];
  fs.writeFileSync(file, record({ pid: gone, identity: 'x', children }));
  const lock = DataLock.acquire(dir);
  expect(lock.leftovers).toEqual(children);
  lock.release();
});

it('is taken over when the pid belongs to another process by now', () => {
  fs.writeFileSync(file, record({ pid: process.ppid, identity: 'boot:12' }));
  DataLock.acquire(dir).release();
});

it.each(['', '{"pid":', '[]'])('is taken over when it is torn: %j', (text) => {
  fs.writeFileSync(file, text);
  DataLock.acquire(dir).release();
});

it('of another host is held while its heart beats', () => {
  fs.writeFileSync(file, record({ host: 'elsewhere', pid: 1 }));
  expect(() => DataLock.acquire(dir)).toThrow('pid 1 on host elsewhere');
  fs.utimesSync(file, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  DataLock.acquire(dir).release();
});

it('is not given up by one that does not hold it any more', () => {
  const lock = DataLock.acquire(dir);
  fs.writeFileSync(file, record({ token: 'another' }));
  lock.release();
  expect(fs.existsSync(file)).toBe(true);
});

it('has one winner when many processes find it stale at once', async () => {
  fs.writeFileSync(file, record({ pid: 999_999_999, identity: 'gone' }));
  const script = `
    const { DataLock } = require(process.argv[1]);
    try { DataLock.acquire(process.argv[2]); process.stdout.write('won'); setInterval(() => {}, 10_000); } catch (error) { process.stdout.write(error.name); process.exit(0); }`;
  const built = path.resolve(__dirname, '..', '..', 'dist', 'start', 'lock.js');
  spawnSync(process.execPath, [path.resolve(__dirname, '..', '..', 'build.mjs'), 'tools']);
  const racers = Array.from({ length: 6 }, () => spawn(process.execPath, ['-e', script, built, dir]));
  const said = await Promise.all(
    racers.map(
      (racer) =>
        new Promise<string>((resolve) => racer.stdout.once('data', (data: Buffer) => resolve(data.toString()))),
    ),
  );
  for (const racer of racers) racer.kill('SIGKILL');
  expect([...said].sort()).toEqual([...Array.from({ length: 5 }, () => 'StartError'), 'won']);
});
