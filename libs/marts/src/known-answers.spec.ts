import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compile, readCatalogDir } from '@millrace/contracts';
import { decode } from '@millrace/envelope';
import {
  compareAnswers,
  DUCKDB_MACROS,
  knownAnswers,
  MARTS,
  martSql,
  type MartQuery,
  ON_TIME_COLUMNS,
  ON_TIME_GROUPS,
  onTimePerformanceQuery,
  exceptionsQuery,
  pageOf,
  type Row,
  SHIPMENTS_DAILY_COUNTS,
  shipmentsDailyQuery,
  touchedPartitionsSql,
} from './index';

const DATA = path.resolve(__dirname, '../../../demo/shipments');
const text = (file: string): string => readFileSync(path.join(DATA, 'expected', `${file}.json`), 'utf8');

const answers = knownAnswers({
  manifest: text('manifest'),
  day_carrier: text('day_carrier'),
  day: text('day'),
  carrier: text('carrier'),
  origin_dest: text('origin_dest'),
});

/** What an expected file knows and the API does not answer; here it comes straight from the mart. */
const BEYOND_API = `
  count_if(picked_up) AS picked_up, count_if(had_exception) AS exceptions,
  count_if(NOT delivered AND NOT had_exception) AS open, sum(distance_miles) AS distance_miles,
  max(delay_minutes) AS max_delay_minutes, coalesce(sum(delay_minutes), 0) AS sum_delay_minutes, count(DISTINCT driver_id) AS drivers`;
const BEYOND_API_COLUMNS = [
  'picked_up',
  'exceptions',
  'open',
  'distance_miles',
  'max_delay_minutes',
  'sum_delay_minutes',
  'drivers',
];

describe('the marts over the bundled shipments', () => {
  const contract = compile(readCatalogDir()[0].contract);
  let duck: DuckDBConnection;
  let landed: string[];

  /** Decodes, validates and dedupes by event id, in the given order, as the path of an event does. */
  function land(lines: readonly Buffer[]): string[] {
    const headers = { format: 'event', tenant: 'default', source: 'http', at: '2026-01-01T00:00:00.000Z' } as const;
    const seen = new Set<string>();
    const rows: string[] = [];
    for (const line of lines) {
      const decoded = decode(line, headers, { contractFor: () => contract });
      if (!decoded.ok || contract.validate(decoded.envelope.payload, decoded.envelope).length > 0) continue;
      const { eventId, eventTime, source, tenantId, payloadJson: payload } = decoded.envelope;
      if (seen.has(`${source} ${eventId}`)) continue;
      seen.add(`${source} ${eventId}`);
      rows.push(JSON.stringify({ event_id: eventId, event_time: eventTime, source, tenant_id: tenantId, payload }));
    }
    return rows;
  }

  async function rowsOf(sql: string, params: Readonly<Record<string, string | number>> = {}): Promise<Row[]> {
    return (await duck.runAndReadAll(sql, params)).getRowObjects() as Row[];
  }

  const answer = async (query: MartQuery): Promise<Row[]> => pageOf(query, await rowsOf(query.sql, query.params)).rows;

  /** A typed table out of landed rows, as staging makes it. */
  async function createTyped(table: string, rows: readonly string[]): Promise<void> {
    await duck.run('CREATE OR REPLACE TABLE landed (row JSON)');
    for (let from = 0; from < rows.length; from += 5000) {
      await duck.run('INSERT INTO landed SELECT unnest(CAST($rows AS JSON[]))', {
        rows: `[${rows.slice(from, from + 5000).join(',')}]`,
      });
    }
    await duck.run(`CREATE OR REPLACE TABLE ${table} AS
      SELECT row->>'event_id' AS event_id, CAST(row->>'event_time' AS TIMESTAMPTZ) AS event_time, row->>'source' AS source,
        row->>'tenant_id' AS tenant_id, ${contract.typedSelect.join(', ')}
      FROM (${contract.typedRows(`(SELECT row, row->>'payload' AS payload FROM landed)`)})`);
  }

  async function buildMarts(source: string): Promise<void> {
    for (const mart of MARTS) {
      await duck.run(
        `CREATE OR REPLACE TABLE ${mart.name} AS ${martSql(mart, { sources: { 'clean.shipment_events': source } })}`,
      );
    }
  }

  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await duck.run("SET TimeZone='UTC'");
    for (const macro of DUCKDB_MACROS) await duck.run(macro);
    const lines = gunzipSync(readFileSync(path.join(DATA, 'events.jsonl.gz')))
      .toString('latin1')
      .split('\n')
      .slice(0, -1);
    landed = land(lines.map((line) => Buffer.from(line, 'latin1')));
    await createTyped('shipment_events', landed);
    await buildMarts('shipment_events');
  });
  afterAll(() => duck.closeSync());

  it('stand on exactly the valid, unique events', () => {
    expect(landed).toHaveLength(answers.counts.landed);
  });

  it('have the columns that they declare', async () => {
    const delta: Readonly<Record<string, string>> = {
      VARCHAR: 'string',
      BIGINT: 'long',
      DOUBLE: 'double',
      BOOLEAN: 'boolean',
      DATE: 'date',
      'TIMESTAMP WITH TIME ZONE': 'timestamp',
    };
    for (const mart of MARTS) {
      const described = await rowsOf(`DESCRIBE ${mart.name}`);
      const columns = described.map((row) => `${row.column_name} ${delta[String(row.column_type)]}`);
      expect(columns).toEqual(mart.columns.map(({ name, type }) => `${name} ${type}`));
    }
  });

  async function expectKnownAnswers(): Promise<void> {
    const daily = await answer(shipmentsDailyQuery('mart_shipments_daily'));
    const byDay = { key: ['service_date', 'carrier_code'], columns: SHIPMENTS_DAILY_COUNTS };
    expect(compareAnswers(answers.dayCarrier, daily, byDay)).toEqual([]);

    const groupings = [
      { groupBy: ['service_date', 'carrier_code'], expected: answers.dayCarrier },
      { groupBy: ['service_date'], expected: answers.day },
      { groupBy: ['carrier_code'], expected: answers.carrier },
      { groupBy: ['lane'], expected: answers.lane },
    ] as const;
    for (const { groupBy, expected } of groupings) {
      const answered = await answer(onTimePerformanceQuery('mart_on_time_performance', { groupBy }));
      expect(compareAnswers(expected, answered, { key: groupBy, columns: ON_TIME_COLUMNS })).toEqual([]);
      const day = groupBy.map((name) =>
        name === 'service_date' ? 'CAST(service_date AS VARCHAR) AS service_date' : name,
      );
      const beyond = await rowsOf(`SELECT ${day.join(', ')}, ${BEYOND_API} FROM mart_on_time_performance GROUP BY ALL`);
      expect(compareAnswers(expected, beyond, { key: groupBy, columns: BEYOND_API_COLUMNS })).toEqual([]);

      // No column of the expected file is left out.
      const checked = new Set<string>([...groupBy, ...ON_TIME_COLUMNS, ...BEYOND_API_COLUMNS]);
      expect(expected.flatMap((row) => Object.keys(row)).filter((column) => !checked.has(column))).toEqual([]);
    }
  }

  it('equal every cell of the known answers', expectKnownAnswers);

  it('equal every cell, and are the same to the last row, however the events arrive', async () => {
    for (const mart of MARTS) await duck.run(`CREATE OR REPLACE TABLE first_${mart.name} AS FROM ${mart.name}`);
    await createTyped('reversed', [...landed].reverse());
    await buildMarts('reversed');
    await expectKnownAnswers();
    await duck.run('SELECT setseed(0.25)');
    await duck.run('CREATE OR REPLACE TABLE shuffled AS SELECT * FROM shipment_events ORDER BY random()');
    await buildMarts('shuffled');
    await expectKnownAnswers();
    for (const mart of MARTS) {
      expect(
        await rowsOf(
          `(FROM ${mart.name} EXCEPT ALL FROM first_${mart.name}) UNION ALL (FROM first_${mart.name} EXCEPT ALL FROM ${mart.name})`,
        ),
      ).toEqual([]);
    }
  });

  it('do not move when a status is told again under another id', async () => {
    await duck.run(`CREATE OR REPLACE TABLE repeated AS
      SELECT * FROM shipment_events
      UNION ALL SELECT * REPLACE (event_id || ':again' AS event_id, event_time + INTERVAL 2 HOUR AS event_time) FROM shipment_events`);
    await buildMarts('repeated');
    await expectKnownAnswers();
    await buildMarts('shipment_events');
  });

  it('are the same when rebuilt partition by partition', async () => {
    for (const mart of MARTS) {
      const touched = await rowsOf(touchedPartitionsSql(mart, 'shipment_events'));
      const days = touched.map((row) => String(row.partition_value)).sort();
      expect(days).toEqual(answers.day.map((row) => row.service_date));
      const sources = { 'clean.shipment_events': 'shipment_events' };
      const parts = [days.slice(0, 1), days.slice(1, 7), days.slice(7), []].map((partitions) =>
        martSql(mart, { sources, partitions }),
      );
      const union = parts.map((sql) => `(${sql})`).join(' UNION ALL ');
      expect(await rowsOf(`(${union}) EXCEPT ALL (FROM ${mart.name})`)).toEqual([]);
      expect(await rowsOf(`(FROM ${mart.name}) EXCEPT ALL (${union})`)).toEqual([]);
    }
  });

  it('keep tenants apart, and add them up where no tenant is asked for', async () => {
    await duck.run(`CREATE OR REPLACE TABLE two_tenants AS
      SELECT * FROM shipment_events UNION ALL SELECT * REPLACE ('other' AS tenant_id) FROM shipment_events`);
    await buildMarts('two_tenants');
    const [one] = await answer(
      onTimePerformanceQuery('mart_on_time_performance', { groupBy: 'carrier_code', tenant: 'default' }),
    );
    const [both] = await answer(onTimePerformanceQuery('mart_on_time_performance', { groupBy: 'carrier_code' }));
    expect(both.created).toBe(2 * Number(one.created));
    expect(both.median_delay_minutes).toBe(one.median_delay_minutes);
    const daily = await answer(shipmentsDailyQuery('mart_shipments_daily', { tenant: 'other' }));
    expect(
      compareAnswers(answers.dayCarrier, daily, {
        key: ['service_date', 'carrier_code'],
        columns: SHIPMENTS_DAILY_COUNTS,
      }),
    ).toEqual([]);
    await buildMarts('shipment_events');
  });

  it('count exceptions alike in both marts that have them', async () => {
    const daily = await answer(shipmentsDailyQuery('mart_shipments_daily'));
    const byFacility = await answer(exceptionsQuery('mart_exceptions'));
    const sums = new Map<string, number>();
    for (const row of byFacility) {
      const key = `${row.service_date} ${row.carrier_code}`;
      sums.set(key, (sums.get(key) ?? 0) + Number(row.exceptions));
    }
    expect(Object.fromEntries(sums)).toEqual(
      Object.fromEntries(
        daily
          .filter((row) => Number(row.exceptions) > 0)
          .map((row) => [`${row.service_date} ${row.carrier_code}`, row.exceptions]),
      ),
    );
  });

  it('page through every row once', async () => {
    const all = await answer(onTimePerformanceQuery('mart_on_time_performance', { groupBy: 'lane' }));
    const collected: Row[] = [];
    let page: string | undefined;
    do {
      const query = onTimePerformanceQuery('mart_on_time_performance', { groupBy: 'lane', limit: 50, page });
      const answered = pageOf(query, await rowsOf(query.sql, query.params));
      collected.push(...answered.rows);
      page = answered.nextPage;
    } while (page !== undefined);
    expect(collected).toEqual(all);

    const daily = shipmentsDailyQuery('mart_shipments_daily', { limit: 100 });
    const first = pageOf(daily, await rowsOf(daily.sql, daily.params));
    const rest = await answer(shipmentsDailyQuery('mart_shipments_daily', { page: first.nextPage }));
    expect([...first.rows, ...rest]).toEqual(await answer(shipmentsDailyQuery('mart_shipments_daily')));
  });

  it('answer for a period, a carrier and a facility', async () => {
    const period = { from: '2013-02-03', to: '2013-02-04', carrierCode: 'AA' };
    const daily = await answer(shipmentsDailyQuery('mart_shipments_daily', period));
    expect(daily.map((row) => `${row.service_date} ${row.carrier_code}`)).toEqual(['2013-02-03 AA', '2013-02-04 AA']);
    const groups = await Promise.all(
      ON_TIME_GROUPS.map((groupBy) =>
        answer(onTimePerformanceQuery('mart_on_time_performance', { ...period, groupBy })),
      ),
    );
    const created = groups.map((rows) => rows.reduce((sum, row) => sum + Number(row.created), 0));
    expect(new Set(created).size).toBe(1);
    expect(groups[1].map((row) => row.facility_id)).toEqual(['EWR', 'JFK', 'LGA']);
    const exceptions = await answer(
      exceptionsQuery('mart_exceptions', { facilityId: 'LGA', from: '2013-02-08', to: '2013-02-08' }),
    );
    expect(exceptions.length).toBeGreaterThan(0);
    expect(exceptions.every((row) => row.facility_id === 'LGA' && row.service_date === '2013-02-08')).toBe(true);
  });
});
