import path from 'node:path';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import { compareAnswers, MARTS, ON_TIME_COLUMNS, SHIPMENTS_DAILY_COUNTS } from '@millrace/marts';
import type { CountRow, Messaging } from '@millrace/messaging';
import { createPostgresMessaging, MIGRATIONS_DIR } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { startService, type StartedService } from '@millrace/service/testing';
import { type BatchStaged, type Catalog, GROUPS, TOPICS, type TablesChanged } from '@millrace/topics';
import { v4 } from 'uuid';
import { AppModule } from './app.module';
import { config } from './config';
import { ANSWERS, BATCH_ID, type JudgedLine, LINE_ID, shipmentsLake } from './testing/shipments-lake';

const HOUR = '2026-03-01T11:00:00.000Z';
const KEY = { tenant: 'default', source: 'http', hour: HOUR };
type Rows = readonly Record<string, unknown>[];

let lake: TestLake;
let database: TestDatabase;
let messaging: Messaging;
let service: StartedService;
let lines: readonly JudgedLine[];
let catalog: Catalog;

beforeAll(async () => {
  lake = await lakeForTests();
  ({ lines, catalog } = await shipmentsLake(lake.storage, lake.duck));
  database = await testDatabase({
    migrations: [
      { schema: 'log', dir: MIGRATIONS_DIR },
      { schema: 'analytics_api', dir: path.join(__dirname, '../prisma/migrations') },
    ],
  });
  messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  service = await start();
  await receive(lines.length);
  await tell(TOPICS.batchesStaged.name, BATCH);
  await tell(TOPICS.tablesChanged.name, COMMIT(), REBUILT());
  await settled();
}, 120_000);

afterAll(async () => {
  await service.stop();
  await messaging.close();
  await database.drop();
  await lake.dispose();
});

const start = (): Promise<StartedService> =>
  startService(
    { name: 'analytics-api', version: '0', config, module: (context) => AppModule.compose(context) },
    { DATABASE_URL: database.url, STORAGE_ROOT: lake.folder, ANALYTICS_CATALOG_POLL: '50ms', ANALYTICS_WAIT_MAX: '2s' },
  );

const BATCH: BatchStaged = {
  ...{ lineId: LINE_ID, number: 1, batchId: BATCH_ID, topic: TOPICS.eventsInbound.name, partition: '0', range: null },
  ...{ landedAt: HOUR, acceptedFrom: HOUR, acceptedTo: HOUR, contractsIndex: 1, files: [] },
  counts: [
    {
      ...KEY,
      landed: ANSWERS.counts.landed,
      duplicate: ANSWERS.counts.duplicate,
      quarantined: ANSWERS.counts.quarantined,
    },
  ],
};
const COMMIT = (): TablesChanged => ({
  ...{ lineId: LINE_ID, number: 1, from: 1, catalogVersion: 1, at: HOUR },
  tables: { 'clean.events': catalog.tables['clean.events'].version },
});
const REBUILT = (): TablesChanged => ({
  ...{ lineId: LINE_ID, number: 1, from: 2, catalogVersion: 1, at: HOUR },
  tables: Object.fromEntries(MARTS.map(({ id }) => [id, catalog.tables[id].version])),
  rebuilt: Object.fromEntries(
    MARTS.map(({ id }) => [id, Object.fromEntries(ANSWERS.day.map((row) => [row.service_date, 1]))]),
  ),
});

/** Appends so many items to all partitions in turn, as gateways do. */
async function receive(count: number, size = 2_500): Promise<void> {
  for (let from = 0, turn = 0; from < count; from += size, turn++) {
    const n = Math.min(size, count - from);
    const counts: CountRow[] = [{ ...KEY, count: n }];
    const records = Array.from({ length: n }, () => ({ headers: {}, value: Buffer.from('{}') }));
    await messaging.append(
      TOPICS.eventsInbound.name,
      { header: { appendId: v4(), counts }, records },
      { partition: String(turn % 4) },
    );
  }
}

async function tell(topic: string, ...messages: object[]): Promise<void> {
  for (const message of messages) {
    const records = [{ headers: {}, value: Buffer.from(JSON.stringify(message)) }];
    await messaging.append(topic, { header: { appendId: v4() }, records });
  }
}

const get = async (at: string, headers: Record<string, string> = {}) => {
  const response = await fetch(service.url + at, { headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
};

async function settled(): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    const { status, body } = await get('/v1/conservation');
    const { rows } = await database.pool.query('SELECT count(*) AS n FROM analytics_api.mart_build');
    if (status === 200 && body.totals.received > 0 && body.totals.pending === 0 && Number(rows[0].n) > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the projections did not come to rest');
}

async function allPages(at: string): Promise<Rows> {
  const rows: Record<string, unknown>[] = [];
  for (let page = ''; ;) {
    const { status, body } = await get(`${at}${at.includes('?') ? '&' : '?'}limit=100${page}`);
    expect(status).toBe(200);
    rows.push(...body.rows);
    if (body.nextPage === undefined) return rows;
    page = `&page=${encodeURIComponent(body.nextPage)}`;
  }
}

test('every cell of the marts is the known answer, page by page', async () => {
  const daily = await allPages('/v1/shipments/daily');
  expect(
    compareAnswers(ANSWERS.dayCarrier, daily, {
      key: ['service_date', 'carrier_code'],
      columns: SHIPMENTS_DAILY_COUNTS,
    }),
  ).toEqual([]);
  for (const [group, known] of [
    ['carrier_code', ANSWERS.carrier],
    ['service_date', ANSWERS.day],
    ['lane', ANSWERS.lane],
  ] as const) {
    const rows = await allPages(`/v1/on-time-performance?group_by=${group}`);
    expect({ group, differences: compareAnswers(known, rows, { key: [group], columns: ON_TIME_COLUMNS }) }).toEqual({
      group,
      differences: [],
    });
  }
  const exceptions = await allPages('/v1/exceptions');
  const sum = (rows: Rows): number => rows.reduce((total, row) => total + Number(row.exceptions), 0);
  expect(sum(exceptions)).toBe(sum(ANSWERS.day));
  const oneDay = await get(
    `/v1/shipments/daily?from=${ANSWERS.day[0].service_date}&to=${ANSWERS.day[0].service_date}&carrier_code=AA`,
  );
  expect(oneDay.body.rows).toHaveLength(1);
  expect(oneDay.headers.get('x-table-versions')).toBe(
    `mart.shipments_daily=${catalog.tables['mart.shipments_daily'].version}`,
  );
});

test('conservation is exact, also after everything is told again and the service is started again', async () => {
  const { received, landed, duplicate, quarantined } = ANSWERS.counts;
  const exact = { totals: { received, landed, duplicate, quarantined, pending: 0 } };
  const first = await get('/v1/conservation');
  expect(first.body).toMatchObject({
    ...exact,
    rows: [{ ...KEY, received, landed, duplicate, quarantined, pending: 0 }],
  });
  expect((await get('/v1/conservation', { 'if-none-match': first.headers.get('etag') as string })).status).toBe(304);

  await tell(TOPICS.batchesStaged.name, BATCH, BATCH);
  await tell(TOPICS.tablesChanged.name, COMMIT(), REBUILT());
  await service.stop();
  // What the group acknowledged is lost, as after an acknowledgement that never arrived: the service counts on by its own position.
  await database.pool.query(`UPDATE log.position SET next = 0`);
  service = await start();
  await settled();
  expect((await get('/v1/conservation')).body).toMatchObject(exact);
  await receive(7);
  expect((await get('/v1/conservation')).body.totals).toMatchObject({ received: received + 7, pending: 7 });
});

test('the trace of an event tells each time that it was received, and where its row went', async () => {
  const twice = lines.find(({ fate }) => fate === 'duplicate')?.eventId as string;
  const { status, body, headers } = await get(`/v1/events/${encodeURIComponent(twice)}/trace`);
  expect(status).toBe(200);
  expect(body.status).toBe('LANDED');
  const fates = body.receipts.map((receipt: { fate: string }) => receipt.fate);
  expect(fates.filter((fate: string) => fate === 'landed')).toHaveLength(1);
  expect(fates.filter((fate: string) => fate === 'duplicate').length).toBe(
    lines.filter((line) => line.eventId === twice && line.fate === 'duplicate').length,
  );
  const landed = body.receipts.find((receipt: { fate: string }) => receipt.fate === 'landed');
  expect(landed).toMatchObject({
    contract: 'shipment_status_changed@1.0.0',
    batch: { id: BATCH_ID, number: 1 },
    commit: { catalogVersion: 1 },
    raw: { part: 'raw/part-77-1.jsonl.gz', line: lines.findIndex((line) => line.eventId === twice) + 1 },
  });
  expect(landed.marts.map(({ mart }: { mart: string }) => mart)).toEqual(MARTS.map(({ id }) => id));
  for (const { mart, version } of landed.marts) expect(version).toBe(catalog.tables[mart].version);
  // The payload is JSON, not a text with JSON in it.
  expect(body.event.payload).toMatchObject({ shipment_id: twice.split(':')[0] });
  expect(headers.get('x-table-versions')).toMatch(/clean\.events=\d+, ops\.fates=\d+/);
  const again = await get(`/v1/events/${encodeURIComponent(twice)}/trace`, {
    'if-none-match': headers.get('etag') as string,
  });
  expect(again.status).toBe(304);
});

test('the trace of what is in quarantine says why', async () => {
  const landed = new Set(lines.filter(({ fate }) => fate !== 'quarantined').map(({ eventId }) => eventId));
  const refused = lines.find(({ fate, eventId }) => fate === 'quarantined' && eventId !== null && !landed.has(eventId))
    ?.eventId as string;
  const { body } = await get(`/v1/events/${encodeURIComponent(refused)}/trace`);
  expect(body).toMatchObject({
    eventId: refused,
    status: 'QUARANTINED',
    receipts: [{ fate: 'quarantined', marts: [] }],
  });
  expect(body.receipts[0].verdict).toEqual({
    reason: expect.any(String),
    rule: expect.any(String),
    path: expect.any(String),
  });
});

test.each([
  ['/v1/shipments/daily?from=a', 'query.from'],
  ['/v1/shipments/daily?from=2013-02-01&from=2013-02-02', 'query.from'],
  ['/v1/exceptions?facility_id=EWR&facility=JFK', 'query.facility'],
  ['/v1/on-time-performance?group_by=driver_id', 'query.group_by'],
  ['/v1/conservation?day=2013-02-01', 'query.day'],
  ['/v1/conservation?from=2013-02-30', 'query.from'],
  ['/v1/conservation?from=2013-02-02&to=2013-02-01', 'query.to'],
  ['/v1/conservation?limit=0', 'query.limit'],
  ['/v1/conservation?page=x', 'query.page'],
  ['/v1/events/e/trace?verbose=1', 'query.verbose'],
])('%s is refused, naming %s', async (at, where) => {
  const { status, headers, body } = await get(at);
  expect(status).toBe(400);
  expect(headers.get('content-type')).toMatch('application/problem+json');
  expect(body).toMatchObject({ status: 400, errors: [{ path: where }] });
});

test('an id that is too long is refused', async () => {
  const { status, body } = await get(`/v1/events/${'x'.repeat(1_000)}/trace`);
  expect({ status, path: body.errors?.[0].path }).toEqual({ status: 400, path: 'params.id' });
});
