import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compile, loadContract } from '@millrace/contracts';
import { judgeable } from './columns-read';
import { groupRules, judgeSql, unjudgedSql } from './judge-sql';

/** A contract whose fields have names that SQL has for itself. */
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
    quality: [{ id: once, metric: duplicateValues, arguments: { properties: [order, user] }, mustBe: 0 }]
    properties:
      - name: order
        logicalType: string
        quality:
          - { id: present, metric: nullValues, mustBe: 0 }
          - { id: given, metric: missingValues, arguments: { missingValues: [none] }, mustBe: 0 }
          - { id: digits, metric: invalidValues, arguments: { pattern: '^\\d+$' }, mustBe: 0 }
          - { id: listed, metric: invalidValues, arguments: { validValues: ['1', '2'] }, mustBe: 0, severity: warning }
      - { name: user, logicalType: string }
      - { name: from, logicalType: timestamp }
      - { name: end, logicalType: timestamp }
customProperties:
  - { property: eventTypes, value: [trip] }
  - property: rules
    value:
      - { id: in_order, left: $.payload.end, is: '>=', right: $.payload.from, severity: warning }
      - { id: recent, left: $.payload.from, is: '>', value: '2026-01-01T00:00:00Z', severity: warning }
      - { id: known, key: $.payload.user, in: { table: clean.users, column: primary } }
      - { id: placed, key: $.payload.user, in: { dimension: people } }
`),
);
const ROWS = `(SELECT 'a' AS tenant_id, DATE '2026-02-01' AS event_date, i::VARCHAR AS event_id,
    TIMESTAMPTZ '2026-02-01T00:00:00Z' AS event_time, TIMESTAMPTZ '2026-02-01T00:00:01Z' AS ingest_time,
    CASE i WHEN 0 THEN NULL WHEN 1 THEN 'none' WHEN 2 THEN '3' ELSE '1' END AS "order", 'u' AS "user",
    TIMESTAMPTZ '2026-01-31T00:00:00Z' AS "from", TIMESTAMPTZ '2026-01-31T00:00:00Z' AS "end"
  FROM range(4) t(i))`;
const USERS = `(SELECT 'a' AS tenant_id, 'u' AS "primary")`;
const COLUMNS = ['tenant_id', 'event_date', 'event_id', 'event_time', 'ingest_time', 'order', 'user', 'from', 'end'];
const PEOPLE = `(SELECT 'a' AS tenant_id, 'u' AS dimension_key, TIMESTAMPTZ '2026-01-01T00:00:00Z' AS valid_from,
    FALSE AS is_deleted, 1 AS _batch_id
  UNION ALL SELECT 'a', 'u', TIMESTAMPTZ '2026-02-02T00:00:00Z', TRUE, 2)`;
const CONTRACT_FACTS = { name: CONTRACT.name, version: CONTRACT.version };
const to = (others: Record<string, string>, rows = ROWS) => ({
  contract: CONTRACT_FACTS,
  day: '2026-02-01',
  rows,
  others,
});

describe('judging the rules of a day', () => {
  let duck: DuckDBConnection;
  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:')).connect();
  });
  afterAll(() => duck.closeSync());

  const rows = async (sql: string) =>
    (await duck.runAndReadAll(sql)).getRows().map((row) => ({
      ...{ tenant: row[0], rule: row[4], checked: Number(row[8]), failed: row[9] === null ? null : Number(row[9]) },
      ...{ value: row[10], passed: row[12], samples: JSON.parse(String(row[13])), status: row[15], error: row[16] },
    }));
  const judged = async (others: Record<string, string>, relation = ROWS, rules = CONTRACT.quality) => {
    const found = await Promise.all(groupRules(rules).map((group) => rows(judgeSql(group, to(others, relation)))));
    return Object.fromEntries(found.flat().map((row) => [String(row.rule), row] as const));
  };

  it('takes columns by whatever name they have', async () => {
    const results = await judged({ 'clean.users': USERS });
    expect(Object.fromEntries(Object.entries(results).map(([rule, { failed }]) => [rule, failed]))).toEqual({
      ...{ once: 0, present: 1, given: 2, digits: 1, listed: 2, in_order: 0, recent: 0, known: 0, placed: 4 },
    });
    expect(results.given).toEqual({
      ...{ tenant: 'a', rule: 'given', checked: 4, failed: 2, value: 2, passed: false, samples: ['0', '1'] },
      ...{ status: 'failed', error: null },
    });
    expect(results.once).toMatchObject({ passed: true, samples: [], status: 'passed' });
  });

  it('judges all rules that look at one row in one pass, each other one by itself', () => {
    expect(groupRules(CONTRACT.quality).map((group) => group.map(({ id }) => id))).toEqual([
      ['present', 'given', 'digits', 'listed', 'in_order', 'recent'],
      ['once'],
      ['known'],
      ['placed'],
    ]);
  });

  it('looks keys up as of event time, and knows nothing of another tenant’s', async () => {
    expect((await judged({ 'clean.users': USERS, 'dim.people': PEOPLE })).placed).toMatchObject({ failed: 0 });
    // The key is no more from the first moment of the day on.
    const gone = PEOPLE.replace('2026-02-02', '2026-02-01');
    expect((await judged({ 'clean.users': USERS, 'dim.people': gone })).placed).toMatchObject({ failed: 4 });
    const others = { 'clean.users': USERS.replace("'a'", "'b'"), 'dim.people': PEOPLE.replaceAll("'a'", "'b'") };
    expect(await judged(others)).toMatchObject({
      known: { failed: 4, samples: ['0', '1', '2', '3'] },
      placed: { failed: 4 },
    });
  });

  it('counts of equal rows all but the first, with ten of them by name', async () => {
    const many = ROWS.replace('range(4)', 'range(40)');
    const { once, present } = await judged({ 'clean.users': USERS }, many);
    // 37 rows with the order 1; the first by event time and id stays.
    expect(once).toMatchObject({
      checked: 40,
      failed: 36,
      samples: ['11', '12', '13', '14', '15', '16', '17', '18', '19', '20'],
    });
    expect(present).toMatchObject({ failed: 1, samples: ['0'] });
  });

  it('says for each tenant that a rule could not be judged, and why', async () => {
    const [present] = CONTRACT.quality.filter(({ id }) => id === 'present');
    const { contract, day } = to({});
    expect(await rows(unjudgedSql([present], { contract, day, rows: ROWS }, "it's broken"))).toEqual([
      {
        ...{ tenant: 'a', rule: 'present', checked: 4, failed: null, value: null, passed: null, samples: [] },
        ...{ status: 'error', error: "it's broken" },
      },
    ]);
    const previous = `(SELECT * FROM (VALUES ('a', 'trips'), ('a', 'trips'), ('b', 'other')) AS v(tenant_id, dataset))`;
    expect(await rows(unjudgedSql([present], { contract, day, rows: '' }, 'lost', previous))).toMatchObject([
      { tenant: 'a', status: 'error', error: 'lost' },
    ]);
  });
});

describe('rules that can be judged', () => {
  const ids = (tables: Record<string, string[]>): string[] =>
    judgeable(CONTRACT, (table) => (tables[table] ? new Set(tables[table]) : null)).map(({ id }) => id);

  it('are those whose columns are there', () => {
    const without = COLUMNS.filter((name) => name !== 'order');
    expect(ids({ 'clean.trips': without, 'clean.users': ['id'] }).sort()).toEqual(['in_order', 'placed', 'recent']);
    expect(ids({ 'clean.trips': COLUMNS, 'clean.users': ['primary'] })).toHaveLength(CONTRACT.quality.length);
    expect(ids({})).toEqual([]);
  });
});
