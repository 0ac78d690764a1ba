import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { type Account, canReach, chooseAccount, ids } from './account';
import { findNative } from './binaries';
import { DataDirectory, findDoorway, moveOut } from './data-directory';
import { type Embedded, startEmbedded } from './index';
import { isAlive } from './processes';

interface Said {
  readonly pid: number;
  readonly port: number;
  readonly adopted: boolean;
  readonly notes: string[];
  readonly url: string;
  readonly code?: string;
  readonly message?: string;
}

const PACKAGE = path.resolve(__dirname, '../..');
const HOLDER = path.join(PACKAGE, 'test', 'hold-server.cjs');
const root = process.getuid?.() === 0;

/** A process of its own that holds a server. */
class Holder {
  private constructor(
    readonly process: ChildProcess,
    readonly said: Said,
  ) {}

  static async start(options: { dataDir: string; port?: number }, account?: Account): Promise<Holder> {
    const child = spawn(process.execPath, ['--conditions=@millrace/source', HOLDER, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: PACKAGE,
      ...ids(account),
    });
    const line = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (data) => (text += data).includes('\n') && resolve(text));
      child.on('exit', () => reject(new Error(`the holder said ${text}`)));
    });
    return new Holder(child, JSON.parse(line));
  }

  private async ended(by: () => void): Promise<void> {
    const exit = new Promise((resolve) => this.process.on('exit', resolve));
    by();
    await exit;
  }

  kill = (): Promise<void> => this.ended(() => this.process.kill('SIGKILL'));
  stop = (): Promise<void> => this.ended(() => this.process.stdin?.write('stop\n'));
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query(sql);
    return result.rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean, waitMsMax = 30_000): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > waitMsMax) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('embedded Postgres', () => {
  let top: string;
  let dataDir: string;
  let running: { stop(): Promise<void> }[];
  const start = async (options: Partial<Parameters<typeof startEmbedded>[0]> = {}): Promise<Embedded> => {
    const server = await startEmbedded({ dataDir, ...options });
    running.push(server);
    return server;
  };
  const hold = async (options: { port?: number } = {}, account?: Account): Promise<Holder> => {
    const holder = await Holder.start({ dataDir, ...options }, account);
    return holder;
  };

  beforeEach(() => {
    top = mkdtempSync(path.join(os.tmpdir(), 'embedded-'));
    chmodSync(top, 0o755);
    dataDir = path.join(top, 'postgres');
    running = [];
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    await rm(top, { recursive: true, force: true, maxRetries: 10 });
  });

  it('keeps its data and its port from one start to the next, and its password to itself', async () => {
    const first = await start();
    await ask(first.url('postgres'), 'CREATE TABLE kept AS SELECT 42 AS n');
    expect(first.adopted).toBe(false);
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    await first.stop();
    const second = await start();
    expect(await ask(second.url('postgres'), 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
    expect(second.port).toBe(first.port);
    expect(second.notes).toEqual([]);
    const password = path.join(dataDir, 'password');
    expect(statSync(password).mode & 0o777).toBe(0o600);
    expect(readFileSync(password, 'utf8')).toMatch(/^[\w-]{32}$/);
    expect(second.url('postgres')).toContain(readFileSync(password, 'utf8'));
    const wrong = second.url('postgres', { name: 'postgres', password: 'guess' });
    await expect(ask(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(readdirSync(dataDir).sort()).toEqual(['cluster-id', 'data', 'password', 'postgres.log', 'turn', 'users']);
  });

  it('is durable, quiet and reachable from this machine only', async () => {
    const server = await start({ settings: { work_mem: '8MB' } });
    const names = `'fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses', 'max_connections', 'jit', 'shared_buffers', 'max_wal_size',
      'idle_in_transaction_session_timeout', 'password_encryption', 'work_mem', 'log_statement', 'log_min_error_statement'`;
    const rows = await ask(server.url('postgres'), `SELECT name, setting FROM pg_settings WHERE name IN (${names})`);
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '120',
      jit: 'off',
      shared_buffers: '32768',
      max_wal_size: '2048',
      idle_in_transaction_session_timeout: '30000',
      password_encryption: 'scram-sha-256',
      work_mem: '8192',
      log_statement: 'none',
      log_min_error_statement: 'panic',
    });
    await ask(
      server.url('postgres'),
      `CREATE TABLE people (name text UNIQUE); INSERT INTO people VALUES ('Ada Secret')`,
    );
    await ask(server.url('postgres'), `INSERT INTO people VALUES ('Ada Secret')`).catch(() => undefined);
    expect(readFileSync(path.join(dataDir, 'postgres.log'), 'utf8')).not.toContain('Ada');
  });

  it('is found again after its parent was killed', async () => {
    const orphan = await hold();
    await ask(orphan.said.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await orphan.kill();
    expect(isAlive(orphan.said.pid)).toBe(true);
    const server = await start();
    expect(server).toMatchObject({ adopted: true, pid: orphan.said.pid, port: orphan.said.port });
    expect(await ask(server.url('postgres'), 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });

  it('moves an orphan to the port that is asked for', async () => {
    const orphan = await hold();
    await orphan.kill();
    const port = await freePort();
    const server = await start({ port });
    expect(server).toMatchObject({ adopted: false, port });
    expect(isAlive(orphan.said.pid)).toBe(false);
  });

  it('recovers what was committed when the server itself was killed, even while it was busy', async () => {
    const holder = await hold();
    await ask(holder.said.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    // This backend never looks up from its work, so it outlives its postmaster and holds the shared memory.
    const busy = ask(holder.said.url, 'SELECT count(*) FROM generate_series(1, 1000000000) a').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await ask(holder.said.url, 'INSERT INTO kept VALUES (2)');
    process.kill(holder.said.pid, 'SIGKILL');
    await holder.kill();
    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await ask(server.url('postgres'), 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
    await busy;
  });

  it('starts although the number in its pid file now belongs to another process', async () => {
    const holder = await hold();
    process.kill(holder.said.pid, 'SIGKILL');
    await holder.kill();
    await until(() => !isAlive(holder.said.pid));
    const pidFile = path.join(dataDir, 'data', 'postmaster.pid');
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      ...ids(chooseAccount(dataDir, path.join(dataDir, 'data'))),
      stdio: 'ignore',
    });
    try {
      writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(stranger.pid)));
      const server = await start();
      expect(server.adopted).toBe(false);
      expect(await ask(server.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      expect(isAlive(Number(stranger.pid))).toBe(true);
    } finally {
      stranger.kill();
    }
  });

  it('leaves a server alone that was started by hand, and joins it', async () => {
    const holder = await hold();
    await holder.stop();
    const data = path.join(dataDir, 'data');
    const byHand = spawn(path.join(findNative(), 'bin', 'postgres'), ['-D', data], {
      ...ids(chooseAccount(dataDir, data)),
      stdio: 'ignore',
    });
    const exit = new Promise((resolve) => byHand.on('exit', resolve));
    await until(() => existsSync(path.join(data, 'postmaster.pid')));
    const server = await start();
    expect(server).toMatchObject({ adopted: true, pid: byHand.pid });
    await server.stop();
    await exit;
  });

  it('two starts at once make one server, which the last to leave stops', async () => {
    const holders = await Promise.all([hold(), hold(), hold()]);
    expect(new Set(holders.map(({ said }) => said.pid)).size).toBe(1);
    expect(holders.filter(({ said }) => !said.adopted)).toHaveLength(1);
    const [{ said }, second, third] = holders;
    await holders[0].stop();
    expect(await ask(said.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await expect(startEmbedded({ dataDir, port: await freePort() })).rejects.toMatchObject({
      code: 'EMBEDDED_IN_USE',
      message: expect.stringContaining(String(said.port)),
    });
    await second.kill();
    await third.stop();
    await until(() => !isAlive(said.pid));
  });

  it('names the port that another program has', async () => {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as net.AddressInfo;
    await expect(start({ port })).rejects.toMatchObject({
      code: 'EMBEDDED_PORT_TAKEN',
      message: expect.stringContaining(`port ${port} is taken`),
    });
    await new Promise((resolve) => other.close(resolve));
    expect(await start({ port })).toMatchObject({ port, adopted: false });
  });

  it('stops in bounded time, whatever its clients do', async () => {
    const server = await start({ stopTimeoutMs: 300 });
    const client = new Client({ connectionString: server.url('postgres') });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN; CREATE TABLE lost (n int)');
    process.kill(server.pid, 'SIGSTOP');
    const began = performance.now();
    await server.stop();
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(isAlive(server.pid)).toBe(false);
    const again = await start();
    expect(await ask(again.url('postgres'), `SELECT to_regclass('lost') AS lost`)).toEqual([{ lost: null }]);
  });

  it('says what is wrong with the data', async () => {
    const server = await start();
    await server.stop();
    writeFileSync(path.join(dataDir, 'password'), 'another');
    await expect(start()).rejects.toMatchObject({ code: 'EMBEDDED_WRONG_PASSWORD' });
    writeFileSync(path.join(dataDir, 'data', 'PG_VERSION'), '15\n');
    await expect(start()).rejects.toMatchObject({
      code: 'EMBEDDED_OTHER_VERSION',
      message: expect.stringContaining(dataDir),
    });
  });

  it('refuses settings that Postgres does not know, and tells which', async () => {
    await expect(start({ settings: { no_such_setting: 1 } })).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      message: expect.stringContaining('no_such_setting'),
    });
    expect(await start()).toMatchObject({ adopted: false });
  });

  describe(root ? 'as root' : 'as a normal user', () => {
    const account = root ? chooseAccount(os.tmpdir(), os.tmpdir()) : undefined;

    if (root) {
      it('keeps the data in a folder that only root can enter', async () => {
        // Closed above the folder, and closed itself.
        chmodSync(top, 0o700);
        mkdirSync(dataDir, { mode: 0o700 });
        const server = await start();
        expect(server.notes).toEqual([]);
        expect(lstatSync(path.join(dataDir, 'data')).isSymbolicLink()).toBe(false);
        expect(existsSync(path.join(dataDir, 'data', 'PG_VERSION'))).toBe(true);
        await ask(server.url('postgres'), 'CREATE TABLE kept AS SELECT 1 AS n');
        const holder = await hold();
        expect(holder.said).toMatchObject({ adopted: true, pid: server.pid });
        process.kill(server.pid, 'SIGKILL');
        await holder.kill();
        const again = await start();
        expect(again.adopted).toBe(false);
        expect(await ask(again.url('postgres'), 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
      });

      it('serves the data of a normal user and leaves it theirs', async () => {
        if (!account || !canReach(PACKAGE, account)) return notTried('this checkout is out of reach for a normal user');
        mkdirSync(dataDir);
        chownSync(dataDir, account.uid, account.gid);
        const theirs = await hold({}, account);
        expect(theirs.said.code).toBeUndefined();
        await ask(theirs.said.url, 'CREATE TABLE kept AS SELECT 1 AS n');
        await theirs.stop();
        const ours = await start();
        expect(await ask(ours.url('postgres'), 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
        await ours.stop();
        const again = await hold({}, account);
        expect(again.said.code).toBeUndefined();
        await again.stop();
      });

      it('leaves nothing in a person’s folder that would be in the person’s way', async () => {
        if (!account || !canReach(PACKAGE, account)) return notTried('this checkout is out of reach for a normal user');
        chownSync(top, account.uid, account.gid);
        const ours = await start();
        await ours.stop();
        const theirs = await hold({}, account);
        expect(theirs.said).toMatchObject({ adopted: false, port: ours.port });
        await theirs.stop();
      });

      it('moves the data out where the system offers no way in, and finds it again', () => {
        const closed = path.join(top, 'closed');
        mkdirSync(closed, { mode: 0o700 });
        const data = new DataDirectory(closed);
        expect(findDoorway(closed, account, path.join(top, 'no-proc'))).toBeUndefined();
        const place = moveOut(data, path.join(top, 'open'));
        expect(data.pgData).toBe(place);
        expect(moveOut(data, path.join(top, 'open'))).toBe(place);
        expect(canReach(path.dirname(place), account)).toBe(true);
      });

      it('says that the disk is full, and starts when there is space again', async () => {
        mkdirSync(dataDir);
        if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', dataDir]).status !== 0)
          return notTried('this system lets nobody mount');
        try {
          writeFileSync(path.join(dataDir, 'ballast'), Buffer.alloc(60 << 20));
          await expect(start()).rejects.toMatchObject({
            code: 'EMBEDDED_DISK_FULL',
            message: expect.stringContaining(dataDir),
          });
          rmSync(path.join(dataDir, 'ballast'));
          const server = await start();
          await server.stop();
          spawnSync('mount', ['-o', 'remount,ro', dataDir]);
          await expect(start()).rejects.toMatchObject({
            code: 'EMBEDDED_READ_ONLY',
            message: expect.stringContaining(dataDir),
          });
        } finally {
          spawnSync('umount', ['-l', dataDir]);
        }
      });
    }

    it('says that the folder cannot be written', async () => {
      mkdirSync(dataDir);
      chmodSync(dataDir, 0o555);
      if (!root)
        return expect(start()).rejects.toMatchObject({
          code: 'EMBEDDED_READ_ONLY',
          message: expect.stringContaining(dataDir),
        });
      if (!account || !canReach(PACKAGE, account)) return notTried('this checkout is out of reach for a normal user');
      const { said } = await hold({}, account);
      expect(said).toMatchObject({ code: 'EMBEDDED_READ_ONLY', message: expect.stringContaining(dataDir) });
    });
  });
});

function notTried(why: string): void {
  process.stderr.write(`not tried: ${why}\n`);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
