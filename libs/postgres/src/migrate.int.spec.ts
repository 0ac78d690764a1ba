import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { migrate } from './migrate';
import { testDatabase, type TestDatabase } from './testing';

describe('migrations', () => {
  let database: TestDatabase;
  let dir: string;
  const write = (name: string, sql: string): void => {
    mkdirSync(path.join(dir, name), { recursive: true });
    writeFileSync(path.join(dir, name, 'migration.sql'), sql);
  };
  const run = (): Promise<string[]> => migrate({ url: database.url, schema: 'zoo', dir });
  const tables = async (): Promise<string[]> => {
    const { rows } = await database.pool.query(
      `SELECT tablename FROM pg_tables WHERE schemaname = 'zoo' AND tablename NOT LIKE '\\_%' ORDER BY 1`,
    );
    return rows.map((row) => row.tablename);
  };

  beforeEach(async () => {
    database = await testDatabase();
    dir = mkdtempSync(path.join(os.tmpdir(), 'migrations-'));
    write('0001_animals', 'CREATE TABLE animal (id int);\nCREATE TABLE cage (id int);\n');
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, maxRetries: 10 });
    await database.drop();
  });

  it('applies what is new, in order, once', async () => {
    expect(await run()).toEqual(['0001_animals']);
    expect(await run()).toEqual([]);
    write('0002_more', 'ALTER TABLE animal ADD COLUMN name text;');
    expect(await run()).toEqual(['0002_more']);
    expect(await tables()).toEqual(['animal', 'cage']);
    const { rows } = await database.pool.query(
      'SELECT migration_name, applied_steps_count, finished_at IS NOT NULL AS finished FROM zoo._prisma_migrations ORDER BY 1',
    );
    expect(rows).toEqual([
      { migration_name: '0001_animals', applied_steps_count: 1, finished: true },
      { migration_name: '0002_more', applied_steps_count: 1, finished: true },
    ]);
  });

  it('several at once apply it once', async () => {
    const applied = await Promise.all([run(), run(), run(), run()]);
    expect(applied.flat()).toEqual(['0001_animals']);
  });

  it('keeps nothing of one that fails, and all of those before it', async () => {
    write('0002_broken', 'CREATE TABLE half (id int); SELECT * FROM absent;');
    await expect(run()).rejects.toMatchObject({
      code: 'POSTGRES_MIGRATION',
      message: expect.stringContaining('0002_broken'),
      cause: { code: '42P01' },
    });
    expect(await tables()).toEqual(['animal', 'cage']);
    write('0002_broken', 'CREATE TABLE whole (id int);');
    expect(await run()).toEqual(['0002_broken']);
  });

  it('refuses one that was edited, but not one whose line ends were', async () => {
    await run();
    write('0001_animals', 'CREATE TABLE animal (id int);\r\nCREATE TABLE cage (id int);\r\n');
    expect(await run()).toEqual([]);
    write('0001_animals', 'CREATE TABLE animal (id bigint);');
    await expect(run()).rejects.toThrow('migration 0001_animals of schema zoo was edited');
  });

  it('refuses one that comes before an applied one, and lets a newer release’s be', async () => {
    await run();
    write('0000_late', 'SELECT 1;');
    await expect(run()).rejects.toThrow('0000_late of schema zoo sorts before 0001_animals');
    await rm(path.join(dir, '0000_late'), { recursive: true, maxRetries: 10 });
    write('0002_newer', 'SELECT 1;');
    await run();
    await rm(path.join(dir, '0002_newer'), { recursive: true, maxRetries: 10 });
    expect(await run()).toEqual([]);
  });

  it('refuses one that ends its transaction', async () => {
    write('0002_commits', 'CREATE TABLE sly (id int); COMMIT;');
    await expect(run()).rejects.toThrow('ends the transaction');
  });

  it('refuses to go on from what another tool left half applied', async () => {
    await run();
    await database.pool.query(
      `INSERT INTO zoo._prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', '0002_half')`,
    );
    await expect(run()).rejects.toThrow('0002_half of schema zoo was left half applied');
  });

  it('needs no right to create schemas when the schema is there', async () => {
    await database.pool.query(
      `DROP ROLE IF EXISTS keeper; CREATE ROLE keeper LOGIN PASSWORD 'keeper'; CREATE SCHEMA zoo AUTHORIZATION keeper`,
    );
    const url = new URL(database.url);
    url.username = url.password = 'keeper';
    expect(await migrate({ url: url.toString(), schema: 'zoo', dir })).toEqual(['0001_animals']);
    await database.pool.query('DROP OWNED BY keeper; DROP ROLE keeper');
  });
});
