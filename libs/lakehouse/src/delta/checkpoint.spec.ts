import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Storage } from '@millrace/storage';
import { lakeForTests, type TestLake } from '../testing';
import { DeltaTable } from '.';

const DAY = 86_400_000;

describe('checkpoints and the log', () => {
  let lake: TestLake;
  let made = 0;
  beforeAll(async () => void (lake = await lakeForTests()));
  afterAll(() => lake.dispose());

  /** Counts what is asked of the storage. */
  function counting(): { storage: Storage; asked: Record<'get' | 'list', number> } {
    const asked = { get: 0, list: 0 };
    const storage: Storage = {
      ...lake.storage,
      get: (p) => (asked.get++, lake.storage.get(p)),
      list: (p, o) => (asked.list++, lake.storage.list(p, o)),
    };
    return { storage, asked };
  }
  const create = async (options: object = {}): Promise<DeltaTable> =>
    DeltaTable.create(lake.storage, `t${made++}`, {
      duck: lake.duck,
      schema: [{ name: 'id', type: 'long' }],
      ...options,
    });
  const append = async (table: DeltaTable, count: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      await table.append(`SELECT ${i} AS id`, { txn: { appId: 'a', version: table.version } });
  };
  const logFiles = async (table: DeltaTable): Promise<string[]> => {
    const found: string[] = [];
    for await (const o of lake.storage.list(`${table.root}/_delta_log/`)) found.push(path.basename(o.path));
    return found;
  };

  it('are made every so many commits, and opening reads one and the commits after it', async () => {
    const table = await create({ checkpointInterval: 5 });
    await append(table, 12);
    await table.settled();
    const names = await logFiles(table);
    const newest = Math.max(...names.filter((n) => n.includes('.checkpoint.')).map((n) => Number(n.slice(0, 20))));
    expect(newest).toBeGreaterThanOrEqual(5);
    expect(names).toContain('_last_checkpoint');

    const { storage, asked } = counting();
    const opened = await DeltaTable.open(storage, table.root, { duck: lake.duck });
    expect(opened.version).toBe(12);
    expect(opened.snapshot.rows).toBe(12);
    expect(opened.snapshot.transactionVersion('a')).toBe(11);
    expect(asked.list).toBe(0);
    // The hint, the commits after the checkpoint, and the asking for one that is not there yet.
    expect(asked.get).toBeLessThan(1 + (12 - newest) + 32);
  });

  it('let a refresh ask for new commits alone, however long the history', async () => {
    const table = await create({ checkpointInterval: 0 });
    await append(table, 60);
    const { storage, asked } = counting();
    const reader = await DeltaTable.open(storage, table.root, { duck: lake.duck });
    asked.get = asked.list = 0;
    await reader.refresh();
    expect(asked).toEqual({ get: 1, list: 0 });
    await append(table, 1);
    await reader.refresh();
    expect(reader.version).toBe(61);
    expect(asked).toEqual({ get: 1 + 1 + 4, list: 0 });
  });

  it('let the newest commits be told of over and over without reading them again', async () => {
    const table = await create({ checkpointInterval: 0 });
    await append(table, 30);
    const { storage, asked } = counting();
    const reader = await DeltaTable.open(storage, table.root, { duck: lake.duck });
    const newest = await reader.history(20);
    asked.get = asked.list = 0;
    expect(await reader.history(20)).toEqual(newest);
    expect(asked).toEqual({ get: 0, list: 0 });
    await append(table, 1);
    await reader.refresh();
    asked.get = 0;
    expect((await reader.history(20)).map(({ version }) => version)).toEqual(
      Array.from({ length: 20 }, (_, i) => 31 - i),
    );
    expect(asked).toEqual({ get: 1, list: 0 });
  });

  it('may be missing, unreadable or named by an old or wrong hint', async () => {
    const table = await create({ checkpointInterval: 0 });
    await append(table, 6);
    await table.checkpoint();
    await append(table, 3);
    const hint = `${table.root}/_delta_log/_last_checkpoint`;
    for (const text of ['{"version":6', '{"version":4}', '{"version":999,"size":3}', '[]', '']) {
      await lake.storage.put(hint, Buffer.from(text));
      const opened = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
      expect([text, opened.version, opened.snapshot.rows]).toEqual([text, 9, 9]);
    }
    await rm(path.join(lake.folder, `${table.root}/_delta_log/00000000000000000006.checkpoint.parquet`));
    await lake.storage.put(hint, Buffer.from('{"version":6}'));
    expect((await DeltaTable.open(lake.storage, table.root, { duck: lake.duck })).snapshot.rows).toBe(9);
  });

  it('stand in for the log before them', async () => {
    const table = await create({ checkpointInterval: 0 });
    await append(table, 6);
    await table.optimize();
    await table.addColumns([{ name: 'later', type: 'string' }]);
    await table.checkpoint();
    const { version } = table;
    await append(table, 2);
    for (let v = 0; v < version; v++)
      await lake.storage.delete(`${table.root}/_delta_log/${String(v).padStart(20, '0')}.json`);
    const opened = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
    expect(opened.snapshot.rows).toBe(8);
    expect(opened.snapshot.tombstones.size).toBe(6);
    expect([...opened.snapshot.files.keys()].sort()).toEqual([...table.snapshot.files.keys()].sort());
    expect([...opened.snapshot.files.values()].every((f) => f.stats && f.tags)).toBe(true);
    expect(opened.snapshot.metadata).toEqual(table.snapshot.metadata);
    await expect(opened.at({ version: 2 })).rejects.toMatchObject({ name: 'VersionNotFound', expired: true });
    expect((await opened.at({ version })).rows).toBe(6);
  });

  it('let what has expired of the log go, and no version still kept', async () => {
    const clock = { at: Date.now(), now: () => clock.at };
    const table = await create({ checkpointInterval: 4, clock });
    await append(table, 10);
    await table.settled();
    expect(await logFiles(table)).toContain('00000000000000000000.json');
    clock.at += 8 * DAY;
    // All files are new to the file system; to this clock they are eight days old.
    await append(table, 10);
    await table.settled();
    const names = await logFiles(table);
    expect(names).not.toContain('00000000000000000000.json');
    const first = names[0];
    expect(first).toMatch(/^\d{20}\.checkpoint\.parquet$/);

    const opened = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
    expect(opened.snapshot.rows).toBe(20);
    const kept = Number(first.slice(0, 20));
    expect((await opened.at({ version: kept })).version).toBe(kept);
    await expect(opened.at({ version: kept - 1 })).rejects.toMatchObject({ expired: true });
    // What was read before the log was cleaned is not told of as if it were there.
    for (const reader of [opened, table]) expect((await reader.history()).at(-1)?.version).toBe(kept);
  });

  it('do not strand a reader who slept while the log was cleaned', async () => {
    const clock = { at: Date.now(), now: () => clock.at };
    const table = await create({ checkpointInterval: 4, clock });
    await append(table, 2);
    const sleeper = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
    clock.at += 8 * DAY;
    await append(table, 10);
    await table.settled();
    expect(await logFiles(table)).not.toContain('00000000000000000003.json');
    await sleeper.refresh();
    expect(sleeper.version).toBe(table.version);
    expect(sleeper.snapshot.rows).toBe(12);
  });

  it('let no writer who slept commit under a version of the past', async () => {
    const clock = { at: Date.now(), now: () => clock.at };
    const table = await create({ checkpointInterval: 4, clock });
    await append(table, 2);
    const sleeper = await DeltaTable.open(lake.storage, table.root, { duck: lake.duck });
    const old = sleeper.snapshot;
    clock.at += 8 * DAY;
    await append(table, 10);
    await table.settled();
    expect(await sleeper.append('SELECT 100 AS id')).toMatchObject({ version: table.version + 1 });
    await table.refresh();
    expect(table.snapshot.rows).toBe(13);
    await expect(sleeper.overwrite('SELECT 1 AS id', { basedOn: old })).rejects.toMatchObject({ changed: 'rows' });
  });

  it('fail beside the commits, not in them, and are tried again', async () => {
    const table0 = await create({ checkpointInterval: 0 });
    const errors: unknown[] = [];
    let broken = true;
    const storage: Storage = {
      ...lake.storage,
      stage: (p) => (broken && p.includes('checkpoint') ? Promise.reject(new Error('no room')) : lake.storage.stage(p)),
    };
    const table = await DeltaTable.open(storage, table0.root, {
      duck: lake.duck,
      checkpointInterval: 2,
      onBackgroundError: (e) => errors.push(e),
    });
    await append(table, 4);
    await table.settled();
    expect(errors.length).toBeGreaterThan(0);
    broken = false;
    await append(table, 1);
    await table.settled();
    expect(await logFiles(table)).toContain('_last_checkpoint');
  });
});
