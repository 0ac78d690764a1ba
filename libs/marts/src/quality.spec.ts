import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compile, loadContract } from '@millrace/contracts';
import { DUCKDB_MACROS, type MartDefinition, martSql, REFERENCE_PREFIX } from './mart';
import { qualityMart } from './quality';

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
const COLUMNS = new Set([
  'tenant_id',
  'event_date',
  'event_id',
  'event_time',
  'ingest_time',
  'order',
  'user',
  'from',
  'end',
]);

describe('the mart of quality rules', () => {
  let duck: DuckDBConnection;
  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:')).connect();
    for (const macro of DUCKDB_MACROS) await duck.run(macro);
  });
  afterAll(() => duck.closeSync());

  const failed = async (mart: MartDefinition | null | undefined): Promise<Record<string, unknown>> => {
    const sources = { 'clean.trips': ROWS, [`${REFERENCE_PREFIX}clean.users`]: USERS };
    const reader = await duck.runAndReadAll(martSql(mart as MartDefinition, { sources }));
    return Object.fromEntries(reader.getRowObjects().map((row) => [row.rule, Number(row.failed)]));
  };

  it('takes columns by whatever name they have', async () => {
    expect(await failed(qualityMart([CONTRACT]))).toEqual({
      ...{ once: 0, present: 1, given: 2, digits: 1, listed: 2, in_order: 0, recent: 0, known: 0, placed: 4 },
    });
  });

  it('leaves out rules about columns that are not there yet, and keeps the others', async () => {
    const mart = qualityMart([CONTRACT, { ...CONTRACT, name: 'later', table: 'clean.later' }]);
    const without = new Set([...COLUMNS].filter((name) => name !== 'order'));
    const among = mart?.among?.(
      new Map([
        ['clean.trips', without],
        ['clean.users', new Set(['id'])],
      ]),
    );
    expect(Object.keys(await failed(among)).sort()).toEqual(['in_order', 'placed', 'recent']);
    expect(mart?.among?.(new Map())).toBeNull();
  });
});
