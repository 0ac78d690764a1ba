import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import { PostgresLandingStore } from '../../landing/postgres/store';
import { timeStoreConformance } from '../testing/conformance';
import { PostgresTimeStore } from './store';

const migrations = [{ schema: 'curation_worker', dir: path.join(__dirname, '../../../prisma/migrations') }];

timeStoreConformance('postgres', async () => {
  const database = await testDatabase({ migrations });
  return {
    landing: new PostgresLandingStore(database.pool),
    time: new PostgresTimeStore(database.pool),
    close: () => database.drop(),
  };
});

test('what has not changed for a day and lies behind what is kept is forgotten', async () => {
  const database = await testDatabase({ migrations });
  try {
    const time = new PostgresTimeStore(database.pool);
    const insert = (startMs: number, ageDays: number) =>
      database.pool.query(
        `INSERT INTO curation_worker.kpi_window VALUES ('a', '5m', $1::bigint, '=t', '', $1::bigint + 300000, 1, 0, 0, 1, 'on_time', false,
                clock_timestamp() - $2 * interval '1 day')`,
        [startMs, ageDays],
      );
    await database.pool.query(`INSERT INTO curation_worker.time_tenant VALUES ('a', 8640000000, null)`);
    for (const [startMs, ageDays] of [
      [0, 2],
      [600_000, 0],
      [900_000, 2],
    ])
      await insert(startMs, ageDays);
    await time.prune({ windowsMs: 86_400_000, sourcesMs: 1, lateMs: 1 });
    const { rows } = await database.pool.query(
      'SELECT start_ms::int AS start FROM curation_worker.kpi_window ORDER BY 1',
    );
    expect(rows.map(({ start }) => start)).toEqual([600_000, 900_000]);
    expect((await time.tenantTime('a'))?.prunedToMs).toBe(899_999);
  } finally {
    await database.drop();
  }
});
