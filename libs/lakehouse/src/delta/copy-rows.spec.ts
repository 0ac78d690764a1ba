import { createMemoryStorage } from '@millrace/storage/memory';
import { openDuck } from '../duckdb';
import { DeltaTable } from '.';

describe('a write over many partitions', () => {
  it('fits into little memory, as one file a partition', async () => {
    const storage = createMemoryStorage();
    const duck = await openDuck({ memoryLimitMb: 128, threads: 1 });
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const table = await DeltaTable.create(storage, 't', {
      duck,
      schema: [
        { name: 'id', type: 'long' },
        ...names.map((name) => ({ name, type: 'string' })),
        { name: 'day', type: 'date' },
      ],
      partitionBy: ['day'],
    });
    // random() would put rows into other partitions if the query were run once for each part.
    const rows = (dates: number): string =>
      `SELECT i AS id, ${names.map((n) => `'${n}' || hash(i) AS ${n}`).join(', ')},
        CASE WHEN i = 0 THEN NULL ELSE DATE '2026-01-01' + (random() * ${dates - 1})::INTEGER END AS day FROM range(20000) t(i)`;
    const result = await table.append(rows(365));
    expect(result.rows).toBe(20_000);
    expect(result.files).toBe(result.partitions.length);
    expect(result.files).toBeGreaterThan(360);
    expect(result.partitions).toContain(null);
    expect(await table.append(rows(3))).toMatchObject({ files: 4, rows: 20_000 });
    const [found] = await duck.query(
      `SELECT count(*) AS n, count(DISTINCT id) AS ids FROM (${await table.scanSql(table.snapshot, { columns: ['id'] })})`,
    );
    expect(found).toEqual({ n: 40_000, ids: 20_000 });
    await duck.close();
    storage.clear();
  });
});
