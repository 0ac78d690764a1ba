import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compile, loadContract } from '@millrace/contracts';
import { judgeSql } from './judge-sql';
import { isUsualRule, type UsualRule, usualWords } from './usual-sql';

const CONTRACT = compile(
  loadContract(`
apiVersion: v3.1.0
kind: DataContract
id: trips
name: trips
version: 1.0.0
status: active
schema:
  - name: trips
    properties:
      - { name: order, logicalType: number }
customProperties:
  - { property: eventTypes, value: [trip] }
  - property: rules
    value:
      - { id: volume, usual: volume }
      - { id: weekly, usual: volume, among: weekdays }
      - { id: mean, usual: $.payload.order, within: 4 }
`),
);
const rule = (id: string): UsualRule =>
  CONTRACT.quality.filter(isUsualRule).find((each) => each.id === id) as UsualRule;
const DAY = '2026-03-02';

describe('what is usual of a day', () => {
  let duck: DuckDBConnection;
  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:')).connect();
    // Eight weeks of some 100 rows a day and 40 on Sundays; each row has an order of about 10.
    await duck.run(`CREATE TABLE trips AS
      SELECT tenant AS tenant_id, day AS event_date, i::VARCHAR AS event_id, 10 + (i % 3) AS "order",
             day::TIMESTAMPTZ AS event_time, day::TIMESTAMPTZ AS ingest_time
        FROM (SELECT DATE '2026-03-02' - d::INTEGER AS day, d FROM range(1, 57) t(d)),
             (VALUES ('a'), ('b')) AS v(tenant),
             LATERAL (SELECT unnest(range(CASE WHEN isodow(day) = 7 THEN 40 + d % 3 ELSE 100 + d % 5 END)) AS i)`);
  });
  afterAll(() => duck.closeSync());

  const dayOf = (rows: number, order = '11', day = DAY): string =>
    `(SELECT 'a' AS tenant_id, DATE '${day}' AS event_date, i::VARCHAR AS event_id, ${order} AS "order",
             TIMESTAMPTZ '${day}T00:00:00Z' AS event_time, TIMESTAMPTZ '${day}T00:00:01Z' AS ingest_time FROM range(${rows}) t(i))`;
  const NOTHING = `(SELECT ''::VARCHAR AS tenant_id, ''::VARCHAR AS dataset, ''::VARCHAR AS rule, ''::VARCHAR AS expectation,
                           NULL::DATE AS event_date, NULL::DOUBLE AS value WHERE FALSE)`;
  const among = (days: string): string => `(SELECT * FROM trips WHERE ${days})`;
  const WEEKS = `isodow(event_date) = isodow(DATE '${DAY}')`;
  const MONTH = `event_date >= DATE '${DAY}' - 28`;

  async function judge(
    id: string,
    rows: string,
    { results = NOTHING, before = among(MONTH) as string | null, isOver = true, day = DAY } = {},
  ) {
    const sql = judgeSql([rule(id)], {
      ...{ contract: CONTRACT, day, rows, others: {} },
      before: { results, rows: before, isOver },
    });
    const [row] = (await duck.runAndReadAll(sql)).getRows();
    return row && { value: Number(row[10]), words: row[11], passed: row[12], status: row[15] };
  }

  it('is as many rows as on the days before, give or take three deviations', async () => {
    expect(await judge('volume', dayOf(101))).toEqual({
      ...{ value: 101, passed: true, status: 'passed' },
      words: 'rows within 3 deviations of the 28 days before',
    });
    expect(await judge('volume', dayOf(300))).toMatchObject({ value: 300, passed: false, status: 'failed' });
    // Sundays have fewer: forty rows are usual among the days, and not on a Monday.
    expect(await judge('volume', dayOf(40))).toMatchObject({ passed: true });
    expect(await judge('weekly', dayOf(40), { before: among(WEEKS) })).toMatchObject({ passed: false });
    expect(await judge('weekly', dayOf(101), { before: among(WEEKS) })).toMatchObject({ passed: true });
  });

  it('is a mean as on the days before', async () => {
    expect(await judge('mean', dayOf(10, '11'))).toMatchObject({ value: 11, passed: true });
    expect(await judge('mean', dayOf(10, '12.5'))).toMatchObject({
      ...{ value: 12.5, passed: false },
      words: 'mean of order within 4 deviations of the 28 days before',
    });
    expect(await judge('mean', dayOf(10, 'NULL::DOUBLE'))).toMatchObject({ passed: true });
  });

  it('is not told from too few days, nor from another tenant’s', async () => {
    expect(await judge('volume', dayOf(3_000), { before: among(`event_date >= DATE '${DAY}' - 6`) })).toMatchObject({
      passed: true,
    });
    expect(await judge('volume', dayOf(3_000), { before: among(`${MONTH} AND tenant_id = 'b'`) })).toMatchObject({
      passed: true,
    });
    expect(await judge('volume', dayOf(3_000), { before: null })).toMatchObject({ passed: true });
  });

  it('is not missed before the day is over, and too much of at once', async () => {
    const weeks = { before: among(WEEKS), isOver: false };
    expect(await judge('weekly', dayOf(1), weeks)).toMatchObject({ passed: true });
    expect(await judge('weekly', dayOf(1_000), weeks)).toMatchObject({ passed: false });
  });

  it('is told where all days were alike: a hundredth more or less is no difference', async () => {
    const alike = `(SELECT * FROM trips WHERE ${MONTH} AND event_id::INTEGER < 40)`;
    expect(await judge('volume', dayOf(41), { before: alike })).toMatchObject({ passed: true });
    expect(await judge('volume', dayOf(43), { before: alike })).toMatchObject({ passed: false });
  });

  it('is told from earlier results of the same meaning', async () => {
    const results = (expectation: string): string =>
      `(SELECT 'a' AS tenant_id, 'trips' AS dataset, 'volume' AS rule, '${expectation}' AS expectation,
               DATE '${DAY}' - d::INTEGER AS event_date, 100::DOUBLE + d % 2 AS value FROM range(1, 15) t(d))`;
    const told = { results: results(usualWords(rule('volume'))), before: null };
    expect(await judge('volume', dayOf(100), told)).toMatchObject({ passed: true });
    expect(await judge('volume', dayOf(150), told)).toMatchObject({ passed: false });
    expect(await judge('volume', dayOf(150), { ...told, results: results('> 2') })).toMatchObject({ passed: true });
  });
});
