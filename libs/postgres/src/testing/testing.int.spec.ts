import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { templateName } from './template';
import { testDatabase } from './index';

const PACKAGE = path.resolve(__dirname, '../..');

describe('test databases', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'testing-'));
    mkdirSync(path.join(dir, '0001_a'));
    // Of this run only, so that its template is not there yet.
    writeFileSync(path.join(dir, '0001_a', 'migration.sql'), `CREATE TABLE a (n int); -- ${path.basename(dir)}`);
  });
  afterEach(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));

  const names = async (url: string): Promise<string[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('SELECT datname FROM pg_database');
    await client.end();
    return rows.map(({ datname }) => datname);
  };

  it('are migrated, empty, one’s own, and gone when dropped', async () => {
    const migrations = [{ schema: 'zoo', dir }];
    let prepared = 0;
    const prepare = { key: dir, run: async (): Promise<void> => void prepared++ };
    const [one, two] = await Promise.all([
      testDatabase({ migrations, prepare }),
      testDatabase({ migrations, prepare }),
    ]);
    expect(prepared).toBe(1);
    await one.pool.query('INSERT INTO zoo.a VALUES (1)');
    expect((await two.pool.query('SELECT * FROM zoo.a')).rows).toEqual([]);
    // A failed test may leave a client checked out.
    await one.pool.connect();
    await one.drop();
    await one.drop();
    expect(await names(two.url)).not.toContain(one.name);
    await two.drop();
    await expect(two.pool.query('SELECT 1')).rejects.toThrow();
  });

  it('have a template for each content of the migrations', () => {
    const before = templateName([{ schema: 'zoo', dir }]);
    expect(templateName([{ schema: 'zoo', dir }])).toBe(before);
    expect(templateName([{ schema: 'other', dir }])).not.toBe(before);
    expect(templateName([{ schema: 'zoo', dir }], { key: 'k', run: async () => undefined })).not.toBe(before);
    writeFileSync(path.join(dir, '0001_a', 'migration.sql'), 'CREATE TABLE a (n bigint);');
    expect(templateName([{ schema: 'zoo', dir }])).not.toBe(before);
  });

  it('of a process that was killed go with the next call', async () => {
    const child = spawn(
      process.execPath,
      ['--conditions=@millrace/source', path.join(PACKAGE, 'test', 'hold-database.cjs')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: PACKAGE,
      },
    );
    const orphan = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data) => resolve(String(data).trim())),
    );
    const database = await testDatabase();
    expect(await names(database.url)).toContain(orphan);
    const exit = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await exit;
    const next = await testDatabase();
    expect(await names(next.url)).not.toContain(orphan);
    await database.drop();
    await next.drop();
  });

  it('on a durable server are synced to the disk', async () => {
    const durable = await testDatabase({ durable: true });
    const fast = await testDatabase();
    expect((await durable.pool.query('SHOW fsync')).rows).toEqual([{ fsync: 'on' }]);
    expect((await fast.pool.query('SHOW fsync')).rows).toEqual([{ fsync: 'off' }]);
    await durable.drop();
    await fast.drop();
  });
});
