import path from 'node:path';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { startService, type StartedService } from '@millrace/service/testing';
import {
  type AuditRecord,
  type ContractsChanged,
  EVENTS_TABLE,
  GROUPS,
  TOPICS,
  type TablesChanged,
} from '@millrace/topics';
import { v4 } from 'uuid';
import { service } from './service';
import { MIGRATIONS, until } from './testing/rig';
import { type BatchContent, SHIPMENT_EVENTS, StagedLine } from './testing/staged-line';

const LOG = { schema: 'log', dir: path.join(__dirname, '../../../libs/messaging/src/postgres/migrations') };

let lake: TestLake;
let database: TestDatabase;
let messaging: Messaging;
let leader: StartedService;
const told: TablesChanged[] = [];
const contracts: ContractsChanged[] = [];
const audit: AuditRecord[] = [];

beforeAll(async () => {
  lake = await lakeForTests();
  database = await testDatabase({ migrations: [LOG, ...MIGRATIONS] });
  messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  await listen(TOPICS.tablesChanged.name, (value) => told.push(value as TablesChanged));
  await listen(TOPICS.contractsChanged.name, (value) => contracts.push(value as ContractsChanged));
  await listen(TOPICS.audit.name, (value) => audit.push(value as AuditRecord));
  leader = await start();
});

afterAll(async () => {
  await leader.stop();
  await messaging.close();
  await database.drop();
  await lake.dispose();
});

const start = (): Promise<StartedService> =>
  startService(service, {
    ...{ DATABASE_URL: database.url, STORAGE_ROOT: lake.folder },
    ...{ TABLES_COMMIT_EVERY: '20ms', MARTS_REBUILD_EVERY: '50ms', RETENTION_EVERY: '1s' },
  });

async function listen(topic: string, onMessage: (value: unknown) => void): Promise<void> {
  const subscription = await messaging.subscribe({ topic, group: 'spec' });
  void (async () => {
    for (let delivery = await subscription.next(); delivery; delivery = await subscription.next()) {
      for (const { value } of delivery.batches.flatMap(({ records }) => records))
        onMessage(JSON.parse(value.toString('utf8')));
      await delivery.ack();
    }
  })();
}

const get = async (
  url: string,
): Promise<{ status: number; type: string | null; body: Record<string, unknown>; text: string }> => {
  const response = await fetch(url);
  const text = await response.text();
  const type = response.headers.get('content-type');
  return { status: response.status, type, text, body: type?.includes('json') ? JSON.parse(text) : {} };
};

test('batches that are announced over the log are committed, told of, and shown', async () => {
  await until(async () => (await get(`${leader.url}/readiness`)).status === 200);
  const line = new StagedLine(lake.duck, lake.storage);
  for (const batch of [await line.batch({ rows: 12, fates: 1 }), await line.batch({ rows: 8 })]) {
    const value = Buffer.from(JSON.stringify(batch));
    await messaging.append(TOPICS.batchesStaged.name, {
      header: { appendId: v4() },
      records: [{ headers: {}, value }],
    });
  }
  await until(() => told.some(({ number }) => number === 2) && told.some(({ rebuilt }) => rebuilt !== undefined));
  const { body: list } = await get(`${leader.url}/v1/tables`);
  expect(list).toMatchObject({ number: 2 });
  const names = (list.rows as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([EVENTS_TABLE, SHIPMENT_EVENTS, 'ops.fates', 'mart.shipments_daily']));
  const { body: table } = await get(`${leader.url}/v1/tables/${EVENTS_TABLE}`);
  expect(table).toMatchObject({ name: EVENTS_TABLE, root: 'clean/events', rows: 20, partitionColumns: ['event_date'] });
  expect((table.versions as unknown[]).length).toBeGreaterThan(0);
});

test('contracts are published once, said to be so, and served', async () => {
  await until(() => contracts.length > 0);
  expect(contracts[0]).toMatchObject({ index: 1 });
  const { body } = await get(`${leader.url}/v1/contracts`);
  expect(body).toMatchObject({
    index: 1,
    rows: [{ name: 'shipment_status_changed', version: '1.0.0', table: SHIPMENT_EVENTS }],
  });
  const yaml = await get(`${leader.url}/v1/contracts/shipment_status_changed`);
  expect(yaml.type).toMatch('application/yaml');
  expect(yaml.text).toMatch('kind: DataContract');
  expect((await get(`${leader.url}/v1/contracts/shipment_status_changed/versions/1.0.0`)).text).toBe(yaml.text);
  expect((await get(`${leader.url}/v1/contracts/shipment_status_changed/versions`)).body).toEqual({
    rows: [{ name: 'shipment_status_changed', version: '1.0.0', inForce: true, aliases: [] }],
  });
});

test.each([
  ['/v1/tables/no.such'],
  ['/v1/tables/__proto__'],
  ['/v1/tables/constructor'],
  ['/v1/contracts/nothing'],
  ['/v1/contracts/..%2f..%2fcatalog/versions'],
  ['/v1/contracts/shipment_status_changed/versions/9.9.9'],
  ['/v1/contracts/shipment_status_changed/versions/..%2f1.0.0'],
  ['/nowhere'],
])('%s is answered 404 with problem details', async (at) => {
  const { status, type, body } = await get(leader.url + at);
  expect({ status, type }).toEqual({ status: 404, type: 'application/problem+json; charset=utf-8' });
  expect(body).toMatchObject({ status: 404, title: 'Not Found' });
});

test('a second one is ready as a standby, shows the same, and takes over', async () => {
  const standby = await start();
  await until(async () => (await get(`${standby.url}/readiness`)).status === 200);
  expect((await get(`${standby.url}/v1/tables`)).body).toEqual((await get(`${leader.url}/v1/tables`)).body);
  expect((await get(`${standby.url}/v1/contracts`)).body).toMatchObject({ index: 1 });
  await leader.stop();
  leader = standby;
  const line = new StagedLine(lake.duck, lake.storage);
  const value = Buffer.from(JSON.stringify(await line.batch({ rows: 4, number: 3, batchId: 30 })));
  await messaging.append(TOPICS.batchesStaged.name, { header: { appendId: v4() }, records: [{ headers: {}, value }] });
  await until(() => told.some(({ number }) => number === 3));
  expect((await get(`${leader.url}/v1/tables/${EVENTS_TABLE}`)).body).toMatchObject({ rows: 24 });
});

test('the OpenAPI document, the metrics and the health are there', async () => {
  const { body } = await get(`${leader.url}/openapi.json`);
  expect(Object.keys(body.paths as object)).toEqual(
    expect.arrayContaining([
      '/v1/tables',
      '/v1/tables/{name}',
      '/v1/contracts',
      '/v1/contracts/{name}/versions/{version}',
    ]),
  );
  const metrics = (await get(`${leader.url}/metrics`)).text;
  expect(metrics).toMatch(/millrace_committed_rows_total\{?[^\n]*\}? [1-9]/);
  expect((await get(`${leader.url}/health`)).status).toBe(200);
});

test('the models of the control plane are the tables that the migrations make', async () => {
  const { rows } = await database.pool.query(
    `SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns
      WHERE table_schema = 'table_manager' AND table_name <> '_prisma_migrations' ORDER BY 1, 2`,
  );
  const { readFileSync } = await import('node:fs');
  const schema = readFileSync(path.join(__dirname, '../prisma/schema.prisma'), 'utf8');
  const modelled = [...schema.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)].flatMap(([, body]) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] as string;
    return [...body.matchAll(/^ {2}(\w+) +(\w+)(\??)(.*)$/gm)].map(([, name, , optional, rest]) => ({
      table_name: table,
      column_name: /@map\("(\w+)"\)/.exec(rest)?.[1] ?? name,
      nullable: optional === '?',
    }));
  });
  const order = (a: { table_name: string; column_name: string }): string => `${a.table_name} ${a.column_name}`;
  expect(modelled.toSorted((a, b) => (order(a) < order(b) ? -1 : 1))).toEqual(rows);
});

test('a version that keeps rows for thirty days deletes what is older, and says so wherever one looks', async () => {
  const { text } = await get(`${leader.url}/v1/contracts/shipment_status_changed`);
  const retention = '  - { property: retention, value: 30, unit: d }\n';
  const body = text.replace('version: 1.0.0', 'version: 1.1.0').replace(/^slaProperties:\n/m, (key) => key + retention);
  const headers = { 'content-type': 'application/yaml' };
  const published = await fetch(`${leader.url}/v1/contracts`, { method: 'POST', headers, body });
  expect([published.status, await published.text()]).toEqual([
    201,
    expect.stringContaining('keeps rows for good, version 1.1.0 for 30 days from their intake'),
  ]);
  const line = new StagedLine(lake.duck, lake.storage);
  let number = Number((await get(`${leader.url}/v1/tables`)).body.number);
  const land = async (content: BatchContent): Promise<void> => {
    const value = Buffer.from(JSON.stringify(await line.batch({ number: ++number, ...content })));
    const records = [{ headers: {}, value }];
    await messaging.append(TOPICS.batchesStaged.name, { header: { appendId: v4() }, records });
  };
  await land({ rows: 8, days: ['2013-02-01'], acceptedAt: '2013-02-01T12:00:00Z' });
  // Now is what the newest event says.
  const visits = [{ eventType: 'visit', payloads: [{ house: 'a' }] }];
  await land({ rows: 0, others: visits, acceptedAt: new Date().toISOString() });

  const tableOf = async (name: string): Promise<Record<string, unknown>> =>
    (await get(`${leader.url}/v1/tables/${name}`)).body;
  const deleted = async (name: string): Promise<number> => {
    const told = (await tableOf(name)).retention as { deleted: { datasets: { rows: number; cutOff: string }[] }[] };
    return told.deleted.flatMap(({ datasets }) => datasets).reduce((sum, { rows }) => sum + rows, 0);
  };
  const isFrozen = async (): Promise<boolean> =>
    JSON.stringify((await tableOf('mart.shipments_daily')).frozen).includes('"2013-02-01"');
  await until(isFrozen);
  for (const name of [SHIPMENT_EVENTS, EVENTS_TABLE]) await until(async () => (await deleted(name)) >= 8);
  const { retention: told, expiredTo } = await tableOf(SHIPMENT_EVENTS);
  expect(told).toMatchObject({
    terms: [{ dataset: 'shipment_status_changed', keptSeconds: 30 * 86_400, from: 'ingest_time' }],
  });
  expect(expiredTo).toMatch(/^20\d\d-/);
  const mart = await tableOf('mart.shipments_daily');
  expect(mart.frozen).toMatchObject({ why: expect.stringContaining('not built from what is left') as string });
  await until(() => audit.filter(({ action }) => action === 'retention.rows_deleted').length >= 2);
  const metrics = (await get(`${leader.url}/metrics`)).text;
  expect(metrics).toMatch(/millrace_retention_deleted_rows_total\{[^}]*clean\.shipment_events/);
  expect(metrics).toMatch(/millrace_frozen_mart_partitions\{[^}]*mart\.shipments_daily/);
});
