import { DuckDBInstance } from '@duckdb/node-api';
import { DUCKDB_MACROS, martAsKnownSql, ON_TIME_PERFORMANCE, SHIPMENTS_DAILY } from './index';

const SETUP = [
  ...DUCKDB_MACROS,
  `CREATE TABLE events AS
   SELECT 'a' AS tenant_id, day AS service_date, 's' AS shipment_id, status, TIMESTAMPTZ '2026-01-01 10:00:00Z' AS event_time,
          status AS event_id, 'http' AS source, 'C' AS carrier_code, 'F' AS facility_id, 'L' AS lane, 5::BIGINT AS distance_miles,
          'd' AS driver_id, TIMESTAMPTZ '2026-01-01 10:00:00Z' AS planned_pickup, TIMESTAMPTZ '2026-01-01 12:00:00Z' AS eta, _batch_id
     FROM (VALUES (DATE '2026-01-01', 'created', 33), (DATE '2026-01-01', 'delivered', 7), (DATE '2026-01-01', 'exception', 65),
                  (NULL, 'created', 33)) t(day, status, _batch_id)`,
  `CREATE TABLE carriers AS
   SELECT 'a' AS tenant_id, 'C' AS dimension_key, name, TIMESTAMPTZ '2025-01-01 00:00:00Z' AS valid_from, false AS is_deleted, _batch_id
     FROM (VALUES ('first', 34), ('second', 66)) t(name, _batch_id)`,
];
const DAILY = 'SELECT created, delivered, exceptions FROM';

let query: (sql: string) => Promise<unknown[]>;
let close: () => void;

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const statement of SETUP) await connection.run(statement);
  query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  close = () => (connection.closeSync(), instance.closeSync());
});
afterAll(() => close());

const daily = (upTo: number, except: readonly number[] = []): string =>
  martAsKnownSql(SHIPMENTS_DAILY, {
    relations: { 'clean.shipment_events': 'events' },
    columns: {},
    batches: { upTo, except },
    bound: {},
  });
const counts = (created: number, delivered: number, exceptions: number) =>
  [{ created, delivered, exceptions }].map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, n]) => [name, String(n)])),
  );

test('rows of later batches are not there, also where their id is lower; rows without a partition never are', async () => {
  expect(await query(`${DAILY} ${daily(-1)}`)).toEqual([]);
  expect(await query(`${DAILY} ${daily(33, [7])}`)).toEqual(counts(1, 0, 0));
  expect(await query(`${DAILY} ${daily(33)}`)).toEqual(counts(1, 1, 0));
  expect(await query(`${DAILY} ${daily(65, [7])}`)).toEqual(counts(1, 0, 1));
});

test('a dimension is as it was known, too', async () => {
  const nameAt = async (upTo: number, columns = new Set(['name'])): Promise<unknown> => {
    const relations = { 'clean.shipment_events': 'events', 'dim.carriers': 'carriers' };
    const batches = { upTo, except: [] };
    const known = martAsKnownSql(ON_TIME_PERFORMANCE, {
      ...{ relations, batches, bound: {} },
      columns: { 'dim.carriers': columns },
    });
    return query(`SELECT carrier_name AS name FROM ${known}`);
  };
  expect(await nameAt(33)).toEqual([{ name: null }]);
  expect(await nameAt(65)).toEqual([{ name: 'first' }]);
  expect(await nameAt(66)).toEqual([{ name: 'second' }]);
  expect(await nameAt(66, new Set())).toEqual([{ name: null }]);
});

test('what is bound in the question limits the rows that are read', () => {
  const relations = { 'clean.shipment_events': 'events' };
  const bound = { from: '2026-01-01', to: undefined, tenant: 'a' };
  const sql = martAsKnownSql(SHIPMENTS_DAILY, { relations, columns: {}, batches: { upTo: 1, except: [] }, bound });
  expect(sql).toContain('tenant_id = $tenant');
  expect(sql).toContain('service_date >= CAST($from AS DATE)');
  expect(sql).not.toContain('$to');
});
