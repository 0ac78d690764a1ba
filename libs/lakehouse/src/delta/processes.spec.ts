import path from 'node:path';
import { spawnTypeScript } from '@millrace/storage/testing';
import { lakeForTests, type TestLake } from '../testing';
import { DeltaTable } from '.';

const CHILD = path.join(__dirname, 'concurrent.child.ts');

describe('a table that several processes write', () => {
  let lake: TestLake;
  let table: DeltaTable;
  beforeEach(async () => {
    lake = await lakeForTests();
    const schema = ['id', 'p', 'n'].map((name) => ({ name, type: 'integer' }));
    table = await DeltaTable.create(lake.storage, 't', {
      duck: lake.duck,
      schema,
      partitionBy: ['p'],
      checkpointInterval: 0,
    });
  });
  afterEach(() => lake.dispose());

  const start = (kind: string, id: number, times: number) =>
    spawnTypeScript(CHILD, [lake.folder, kind, String(id), String(times)]);
  const query = async (sql: string): Promise<Record<string, unknown>> => {
    await table.refresh();
    return (await lake.duck.query(`WITH t AS (${await table.scanSql()}) ${sql}`))[0];
  };

  it('loses nothing and doubles nothing', async () => {
    const times = 12;
    const children = [
      start('append', 1, times),
      start('append', 2, times),
      start('optimize', 3, times),
      start('count', 4, times),
      start('count', 5, times),
    ];
    const ends = await Promise.all(children.map((c) => c.ended));
    expect(ends.map((e) => [e.code, e.stderr])).toEqual(ends.map(() => [0, '']));
    expect(await query('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t WHERE p < 100')).toEqual({
      n: 2 * times * 10,
      ids: 2 * times,
    });
    // Two counted up at the same time: of each pair that read the same number one had to do it again.
    expect(await query('SELECT n, count(*) OVER () AS rows FROM t WHERE p = 100')).toEqual({ n: 2 * times, rows: 1 });
    const versions = (await table.history()).map((h) => h.version);
    expect(versions).toEqual(Array.from({ length: table.version + 1 }, (_, i) => table.version - i));
  });

  it('keeps what was confirmed and nothing half when its writer is killed at any moment', async () => {
    let confirmed = 0;
    for (let round = 0; round < 4; round++) {
      const child = start('append', round + 1, 1_000);
      await child.line(2 + round * 3);
      // Somewhere in the next commit: a few milliseconds are about its length.
      await new Promise((resolve) => setTimeout(resolve, round));
      child.process.kill('SIGKILL');
      await child.ended;
      confirmed = child.lines.length;

      const found = await query(
        `SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t WHERE id // 1000000 = ${round + 1}`,
      );
      expect(found.n).toBe(Number(found.ids) * 10);
      // The commit that was under way is there whole or not at all.
      expect([confirmed, confirmed + 1]).toContain(found.ids);
      // The table goes on: the writer's successor repeats what it cannot know of, and it counts once.
      const again = { appId: `writer-${round + 1}`, version: confirmed };
      await table.append(`SELECT ${(round + 1) * 1_000_000 + confirmed} AS id, 0 AS p, 1 AS n FROM range(10)`, {
        txn: again,
      });
      expect(await query(`SELECT count(*) AS n FROM t WHERE id // 1000000 = ${round + 1}`)).toEqual({
        n: (confirmed + 1) * 10,
      });
    }
    const before = await query('SELECT count(*) AS n, sum(id) AS s FROM t');
    // What the killed writers left unfinished goes, and nothing else.
    await table.vacuum({ retentionMs: -1, force: true });
    expect(await query('SELECT count(*) AS n, sum(id) AS s FROM t')).toEqual(before);
  });
});
