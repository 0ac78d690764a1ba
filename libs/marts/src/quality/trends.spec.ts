import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { pageOf, type Row } from '../query';
import { qualityTrendsQuery, type QualityInput } from './trends';

describe('quality trends', () => {
  let duck: DuckDBConnection;

  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:')).connect();
    // 60 days of 100 rows, 40 on Sundays, up to a few; one day that is far off.
    await duck.run(`CREATE TABLE results AS
      SELECT 'a' AS tenant_id, day::DATE AS event_date, 'trips' AS dataset, '1.0.0' AS contract_version, 'volume' AS rule,
             'rowCount' AS metric, NULL::VARCHAR AS dimension, 'warning' AS severity,
             CASE WHEN day = DATE '2026-03-02' THEN 10 WHEN isodow(day) = 7 THEN 40 + i % 3 ELSE 100 + i % 5 END AS checked,
             NULL::BIGINT AS failed, NULL::DOUBLE AS value, '> 0' AS expectation, TRUE AS passed, '[]' AS failing_events,
             day AS newest_ingest_time, 'passed' AS status, NULL::VARCHAR AS error
        FROM (SELECT i, DATE '2026-01-01' + i::INTEGER AS day FROM range(61) t(i))`);
    await duck.run('UPDATE results SET value = checked');
    await duck.run(
      "INSERT INTO results SELECT * REPLACE ('b' AS tenant_id) FROM results WHERE event_date = DATE '2026-01-05'",
    );
  });
  afterAll(() => duck.closeSync());

  const ask = async (input: Partial<QualityInput>): Promise<Row[]> => {
    const query = qualityTrendsQuery('results', { tenant: 'a', ...input });
    const rows = (await duck.runAndReadAll(query.sql, query.params)).getRowObjects() as Row[];
    return pageOf(query, rows).rows;
  };

  it('say how unusual a day is, among all days and among its weekday', async () => {
    const [sunday, monday] = await ask({ from: '2026-03-01', to: '2026-03-02' });
    // A Sunday is unusual among the days, and as Sundays are.
    expect(Number(sunday.volume_z_score)).toBeLessThan(-2);
    expect(Math.abs(Number(sunday.volume_seasonal_z_score))).toBeLessThan(2);
    expect(Number(monday.volume_seasonal_z_score)).toBeLessThan(-20);
    expect(monday).toMatchObject({
      event_date: '2026-03-02',
      checked: 10,
      value: 10,
      dataset: 'trips',
      rule: 'volume',
    });
  });

  it('say nothing while there are too few days', async () => {
    const rows = await ask({ to: '2026-01-08' });
    expect(rows.map((row) => row.volume_z_score === null)).toEqual([true, true, true, true, true, true, true, false]);
  });

  it('are one tenant’s, by page', async () => {
    expect(await ask({ tenant: 'b' })).toHaveLength(1);
    expect(await ask({ tenant: 'c' })).toHaveLength(0);
    expect(await ask({ rule: 'other' })).toHaveLength(0);
    expect(await ask({ limit: 7 })).toHaveLength(7);
  });
});
