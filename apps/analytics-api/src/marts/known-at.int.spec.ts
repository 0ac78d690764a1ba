import path from 'node:path';
import { DeltaTable } from '@millrace/lakehouse';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import { DUCKDB_MACROS, MARTS, martSql } from '@millrace/marts';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging, MIGRATIONS_DIR } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { startService, type StartedService } from '@millrace/service/testing';
import { type BatchStaged, catalogPath, GROUPS, tableRoot, TOPICS, type TablesChanged } from '@millrace/topics';
import { v4 } from 'uuid';
import { AppModule } from '../app.module';
import { config } from '../config';

const LINE_ID = '0190aaaa-0000-7000-8000-000000000002';
const SOURCE = 'clean.shipment_events';
const CARRIERS = 'dim.carriers';
const FIRST_AT = Date.now() - 10 * 86_400_000;
const HOUR_MS = 3_600_000;
/** Of commit 1, 2, …: on the hour. */
const atOf = (commit: number): string => new Date(FIRST_AT + commit * HOUR_MS).toISOString();
/** Batch ids by number: taken in blocks, so not in their order. */
const BATCH_IDS = [33, 65, 34, 97, 66, 129, 1, 98, 67, 2];
/** The last number of each commit. */
const COMMITS = [2, 3, 6, 7, 10];
const QUESTIONS = [
  '/v1/shipments/daily?limit=1000',
  '/v1/shipments/daily?from=2026-01-02&to=2026-01-03&carrier_code=C1',
  '/v1/on-time-performance?group_by=carrier_code',
  '/v1/on-time-performance?group_by=facility_id,service_date&from=2026-01-02',
  '/v1/exceptions?to=2026-01-03',
];

let lake: TestLake;
let database: TestDatabase;
let messaging: Messaging;
let service: StartedService;
let source: DeltaTable;
let carriers: DeltaTable;
const marts = new Map<string, DeltaTable>();
let catalogVersion = 0;
/** What the marts showed after each commit, by question. */
const shown: Map<string, unknown>[] = [];
let tagBefore: string;

const SOURCE_COLUMNS = Object.entries({
  ...{ tenant_id: 'string', service_date: 'date', shipment_id: 'string', status: 'string', event_time: 'timestamp' },
  ...{ event_id: 'string', source: 'string', carrier_code: 'string', facility_id: 'string', lane: 'string' },
  ...{ distance_miles: 'long', planned_pickup: 'timestamp', eta: 'timestamp', driver_id: 'string' },
  ...{ _batch_id: 'long', event_date: 'date' },
}).map(([name, type]) => ({ name, type }));
const CARRIER_COLUMNS = Object.entries({
  ...{ tenant_id: 'string', dimension_key: 'string', name: 'string', valid_from: 'timestamp', is_deleted: 'boolean' },
  ...{ _batch_id: 'long', load_date: 'date' },
}).map(([name, type]) => ({ name, type }));

/**
 * Events of a batch, over all days: statuses that come later than their day is over, and earlier events of a shipment that
 * come after its later ones and so change its carrier and its plan.
 */
function eventsSql(number: number): string {
  const batch = BATCH_IDS[number - 1];
  return `SELECT CASE WHEN i % 11 = 0 THEN 'other' ELSE 'default' END AS tenant_id,
      CASE WHEN i % 13 <> 0 THEN DATE '2026-01-01' + CAST(s % 4 AS INTEGER) END AS service_date, 's' || s AS shipment_id,
      ['created', 'picked_up', 'delivered', 'exception'][1 + h % 4] AS status,
      TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_minutes(CAST(s % 4 * 1440 + h % 1400 AS INTEGER)) AS event_time,
      'e${number}-' || i AS event_id, 'http' AS source, 'C' || h % 3 AS carrier_code, 'F' || h % 5 AS facility_id, 'F1-F2' AS lane,
      CAST(h % 900 AS BIGINT) AS distance_miles, TIMESTAMPTZ '2026-01-01 06:00:00Z' AS planned_pickup,
      TIMESTAMPTZ '2026-01-01 09:00:00Z' + to_minutes(CAST(s % 4 * 1440 + h % 600 AS INTEGER)) AS eta, 'd' AS driver_id,
      ${batch}::BIGINT AS _batch_id, DATE '2026-01-01' + CAST(s % 4 AS INTEGER) AS event_date
    FROM (SELECT i, i * 7 % 40 AS s, CAST(hash(i + ${number} * 1000) % 100000 AS BIGINT) AS h FROM range(60) t(i))`;
}

async function publish(number: number, expiredTo?: string): Promise<void> {
  const tables = [...marts, [SOURCE, source] as const, [CARRIERS, carriers] as const];
  const catalog = {
    ...{ version: ++catalogVersion, lineId: LINE_ID, number, at: new Date().toISOString() },
    tables: Object.fromEntries(tables.map(([id, { root, version }]) => [id, { root, version, expiredTo }])),
  };
  await lake.storage.createIfAbsent(catalogPath(catalogVersion), Buffer.from(JSON.stringify(catalog)));
}

async function tell(topic: string, message: object): Promise<void> {
  const records = [{ headers: {}, value: Buffer.from(JSON.stringify(message)) }];
  await messaging.append(topic, { header: { appendId: v4() }, records });
}

const staged = (number: number): BatchStaged => ({
  ...{ lineId: LINE_ID, number, batchId: BATCH_IDS[number - 1], topic: TOPICS.eventsInbound.name, partition: '0' },
  ...{ range: null, landedAt: atOf(0), acceptedFrom: atOf(0), acceptedTo: atOf(0), contractsIndex: 1 },
  ...{ files: [], counts: [] },
});

async function commit(index: number): Promise<void> {
  const from = (COMMITS[index - 1] ?? 0) + 1;
  const number = COMMITS[index];
  for (let each = from; each <= number; each++) {
    await source.append(eventsSql(each));
    await carriers.append(
      `SELECT 'default' AS tenant_id, 'C1' AS dimension_key, 'name ${each}' AS name, TIMESTAMPTZ '2025-01-01 00:00:00Z' AS valid_from,
              false AS is_deleted, ${BATCH_IDS[each - 1]}::BIGINT AS _batch_id, DATE '2026-01-01' AS load_date`,
    );
    await tell(TOPICS.batchesStaged.name, staged(each));
  }
  const rows = `(SELECT * FROM (${await source.scanSql()}) WHERE service_date IS NOT NULL)`;
  const sources = { [SOURCE]: rows, [CARRIERS]: `(${await carriers.scanSql()})` };
  const columns = { [CARRIERS]: new Set(CARRIER_COLUMNS.map(({ name }) => name)) };
  for (const mart of MARTS) {
    const days = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04'];
    await marts.get(mart.id)?.replacePartitions(mart.partitionColumn, days, martSql(mart, { sources, columns }));
  }
  await publish(number);
  const message: TablesChanged = { lineId: LINE_ID, number, from, catalogVersion, tables: {}, at: atOf(index + 1) };
  await tell(TOPICS.tablesChanged.name, message);
}

const get = async (at: string, headers: Record<string, string> = {}) => {
  const response = await fetch(service.url + at, { headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
};
const asked = (question: string, at: string): string => `${question}&known_at=${encodeURIComponent(at)}`;

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('what was waited for did not come');
}

beforeAll(async () => {
  lake = await lakeForTests();
  const { duck, storage } = lake;
  for (const macro of DUCKDB_MACROS) await duck.query(macro.replace(' TEMP ', ' '));
  const create = (id: string, schema: readonly { name: string; type: string }[], by: string) =>
    DeltaTable.create(storage, tableRoot(id), { duck, schema, partitionBy: [by] });
  source = await create(SOURCE, SOURCE_COLUMNS, 'event_date');
  carriers = await create(CARRIERS, CARRIER_COLUMNS, 'load_date');
  for (const { id, columns, partitionColumn } of MARTS) marts.set(id, await create(id, columns, partitionColumn));
  database = await testDatabase({
    migrations: [
      { schema: 'log', dir: MIGRATIONS_DIR },
      { schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') },
    ],
  });
  messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  service = await startService(
    { name: 'analytics-api', version: '0', config, module: (context) => AppModule.compose(context) },
    { DATABASE_URL: database.url, STORAGE_ROOT: lake.folder, ANALYTICS_CATALOG_POLL: '50ms', ANALYTICS_WAIT_MAX: '5s' },
  );
  for (let index = 0; index < COMMITS.length; index++) {
    await commit(index);
    const version = `mart.shipments_daily=${marts.get('mart.shipments_daily')?.version}`;
    await until(async () => (await get(QUESTIONS[0])).headers.get('x-table-versions') === version);
    const answers = await Promise.all(
      QUESTIONS.map(async (question) => [question, (await get(question)).body] as const),
    );
    shown.push(new Map(answers));
    await until(async () => {
      const { rows } = await database.pool.query('SELECT max(number_to) AS n FROM analytics_api.table_commit');
      return Number(rows[0].n) === COMMITS[index];
    });
    if (index === 2) tagBefore = (await get(asked(QUESTIONS[0], atOf(2)))).headers.get('etag') as string;
  }
  await source.optimize();
  await publish(COMMITS[COMMITS.length - 1]);
}, 120_000);

afterAll(async () => {
  await service?.stop();
  await messaging?.close();
  await database?.drop();
  await lake?.dispose();
});

test('an answer as known at a time is the one that the marts gave then', async () => {
  const daily = shown.map((answers) => JSON.stringify(answers.get(QUESTIONS[0])));
  expect(new Set(daily).size).toBe(COMMITS.length);
  for (const [index, answers] of shown.entries()) {
    const late = new Date(Date.parse(atOf(index + 2)) - 1).toISOString();
    for (const [question, body] of answers) {
      expect((body as { rows: unknown[] }).rows.length).toBeGreaterThan(0);
      for (const at of [atOf(index + 1), late]) expect((await get(asked(question, at))).body).toEqual(body);
    }
  }
});

test('before the first commit nothing was known', async () => {
  for (const question of QUESTIONS) expect((await get(asked(question, atOf(0)))).body).toEqual({ rows: [] });
});

test('pages of what was known then follow one another', async () => {
  const rows: unknown[] = [];
  for (let page = ''; ;) {
    const { body } = await get(`${asked('/v1/shipments/daily?limit=2', atOf(3))}${page}`);
    rows.push(...body.rows);
    if (body.nextPage === undefined) break;
    page = `&page=${encodeURIComponent(body.nextPage)}`;
  }
  expect({ rows }).toEqual(shown[2].get(QUESTIONS[0]));
});

test('it is not sent again, whatever came since and however files were packed', async () => {
  const again = await get(asked(QUESTIONS[0], atOf(2)), { 'if-none-match': tagBefore });
  expect(again.status).toBe(304);
  expect(again.headers.get('x-table-versions')).toBe(`${SOURCE}=${source.version}`);
  // Another question, or another time, has another tag.
  for (const other of [asked(QUESTIONS[0], atOf(3)), asked(QUESTIONS[2], atOf(2))])
    expect((await get(other, { 'if-none-match': tagBefore })).status).toBe(200);
});

test.each([
  ['no time', () => 'yesterday', 400],
  ['a time without a zone', () => '2026-01-01T00:00:00', 400],
  ['a day that there is not', () => '2026-02-30T00:00:00Z', 400],
  ['a plus sign that became a space', () => '2026-01-01T00:00:00 01:00', 400],
  ['the future', () => new Date(Date.now() + HOUR_MS).toISOString(), 400],
  ['91 days ago', () => new Date(Date.now() - 91 * 24 * HOUR_MS).toISOString(), 410],
])('%s is refused', async (_what, at, status) => {
  for (const question of QUESTIONS) {
    const answer = await get(asked(question, at()));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    if (status === 400) expect(answer.body.errors[0].path).toBe('query.known_at');
  }
});

test('a commit whose batches are not known here yet is waited for', async () => {
  const number = COMMITS[COMMITS.length - 1] + 1;
  BATCH_IDS.push(3);
  await source.append(eventsSql(number));
  await publish(number);
  const before = catalogVersion;
  const message = {
    lineId: LINE_ID,
    number,
    from: number,
    catalogVersion: before,
    tables: {},
    at: atOf(COMMITS.length + 1),
  };
  await tell(TOPICS.tablesChanged.name, message);
  const version = `${SOURCE}=${source.version}`;
  const answer = get(asked(QUESTIONS[0], atOf(1)));
  await tell(TOPICS.batchesStaged.name, staged(number));
  expect((await answer).body).toEqual(shown[0].get(QUESTIONS[0]));
  await until(async () => (await get(asked(QUESTIONS[0], atOf(1)))).headers.get('x-table-versions') === version);
  const now = await get(asked(QUESTIONS[0], atOf(COMMITS.length + 1)));
  expect(now.status).toBe(200);
  expect(now.body).not.toEqual(shown[COMMITS.length - 1].get(QUESTIONS[0]));
});

test('days of which rows are deleted are no longer known as they were; the marts still show them', async () => {
  const number = COMMITS[COMMITS.length - 1] + 1;
  await publish(number, '2026-01-02');
  const at = atOf(2);
  await until(async () => (await get(asked('/v1/shipments/daily?limit=1000', at))).status === 410);
  for (const question of ['/v1/shipments/daily?from=2026-01-02', '/v1/exceptions?to=2026-01-03']) {
    const answer = await get(asked(question, at));
    expect([answer.status, answer.body.detail]).toEqual([410, expect.stringContaining('up to 2026-01-02')]);
  }
  expect((await get(asked('/v1/shipments/daily?from=2026-01-03', at))).status).toBe(200);
  expect((await get('/v1/shipments/daily?from=2026-01-01')).status).toBe(200);
});
