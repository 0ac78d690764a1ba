import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DeltaTable, openDuck } from '@millrace/lakehouse';
import { SHIPMENTS_DAILY } from '@millrace/marts';
import { createPostgresMessaging, MIGRATIONS_DIR } from '@millrace/messaging/postgres';
import { testDatabase } from '@millrace/postgres/testing';
import { startService } from '@millrace/service/testing';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type Catalog, catalogPath, tableRoot, TOPICS } from '@millrace/topics';
import { AppModule } from '../app.module';
import { config } from '../config';

const DAYS = ['2026-01-01', '2026-01-02', '2026-01-03'];
const lake = mkdtempSync(path.join(os.tmpdir(), 'millrace-analytics-'));
let database: Awaited<ReturnType<typeof testDatabase>>;
let service: Awaited<ReturnType<typeof startService>>;
let publish: (rowsPerDay: number) => Promise<void>;
let closeDuck: () => Promise<void>;

beforeAll(async () => {
  database = await testDatabase({
    migrations: [
      { schema: 'log', dir: MIGRATIONS_DIR },
      { schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') },
    ],
  });
  const messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  await messaging.close();

  const duck = await openDuck();
  closeDuck = () => duck.close();
  const storage = createFilesystemStorage({ root: lake });
  const table = await DeltaTable.create(storage, tableRoot(SHIPMENTS_DAILY.id), {
    duck,
    schema: SHIPMENTS_DAILY.columns,
    partitionBy: [SHIPMENTS_DAILY.partitionColumn],
  });
  let version = 0;
  publish = async (carriers) => {
    const rows = DAYS.flatMap((day) =>
      Array.from(
        { length: carriers },
        (_, i) =>
          `('default', DATE '${day}', 'C${i}', 4::BIGINT, 3::BIGINT, 2::BIGINT, 1::BIGINT, 1::BIGINT, 100::BIGINT)`,
      ),
    );
    const columns = SHIPMENTS_DAILY.columns.map((column) => column.name).join(', ');
    await table.replacePartitions('service_date', DAYS, `SELECT * FROM (VALUES ${rows.join(', ')}) AS t (${columns})`);
    const catalog: Catalog = {
      version: ++version,
      lineId: 'line',
      number: version,
      at: new Date(0).toISOString(),
      tables: { [SHIPMENTS_DAILY.id]: { root: tableRoot(SHIPMENTS_DAILY.id), version: table.version } },
    };
    await storage.createIfAbsent(catalogPath(version), Buffer.from(JSON.stringify(catalog)));
  };
  await publish(3);
  service = await startService(
    { name: 'analytics-api', version: '0', config, module: (context) => AppModule.compose(context) },
    { DATABASE_URL: database.url, STORAGE_ROOT: lake, ANALYTICS_CATALOG_POLL: '50ms' },
  );
});

afterAll(async () => {
  await service?.stop();
  await closeDuck?.();
  await database?.drop();
  await rm(lake, { recursive: true, force: true, maxRetries: 10 });
});

const get = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${service.url}/v1/shipments/daily${query}`, { headers });

test('rows come with the version that they are of, and are not sent again while it stands', async () => {
  const first = await get('?from=2026-01-02&to=2026-01-02');
  expect(first.status).toBe(200);
  const { rows } = (await first.json()) as { rows: unknown[] };
  expect(rows).toHaveLength(3);
  expect(rows[0]).toEqual({
    service_date: '2026-01-02',
    carrier_code: 'C0',
    created: 4,
    picked_up: 3,
    delivered: 2,
    exceptions: 1,
    open: 1,
    distance_miles: 100,
  });
  expect(first.headers.get('x-table-versions')).toBe('mart.shipments_daily=1');
  const etag = first.headers.get('etag') as string;
  const again = await get('?from=2026-01-02&to=2026-01-02', { 'if-none-match': `"other", W/${etag}` });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe('');
  // Another question has another tag.
  expect((await get('?from=2026-01-01', { 'if-none-match': etag })).status).toBe(200);

  await publish(4);
  let fresh = await get('?from=2026-01-02&to=2026-01-02', { 'if-none-match': etag });
  for (let i = 0; i < 1_200 && fresh.status === 304; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    fresh = await get('?from=2026-01-02&to=2026-01-02', { 'if-none-match': etag });
  }
  expect(fresh.status).toBe(200);
  expect(((await fresh.json()) as { rows: unknown[] }).rows).toHaveLength(4);
});

test('pages follow one another without a gap or a repetition', async () => {
  const found: string[] = [];
  let page = '';
  do {
    const answer = (await (await get(`?limit=5${page}`)).json()) as {
      rows: Record<string, string>[];
      nextPage?: string;
    };
    expect(answer.rows.length).toBeLessThanOrEqual(5);
    found.push(...answer.rows.map((row) => `${row.service_date} ${row.carrier_code}`));
    page = answer.nextPage ? `&page=${encodeURIComponent(answer.nextPage)}` : '';
  } while (page);
  expect(found).toEqual([...new Set(found)].sort());
  expect(found).toHaveLength(12);
});

test.each([
  ['?from=2026-02-30', 'query.from'],
  ['?from=2026-01-02&to=2026-01-01', 'query.to'],
  ['?limit=0', 'query.limit'],
  ['?limit=1e3', 'query.limit'],
  ['?page=nonsense', 'query.page'],
  ['?carier_code=AA', 'query.carier_code'],
  ["?from='%20OR%201=1", 'query.from'],
])('%s is refused, naming %s', async (query, where) => {
  const answer = await get(query);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(await answer.json()).toMatchObject({ status: 400, errors: [{ path: where }] });
});

test('a mart that is not built yet has no rows, and an unknown grouping is refused all the same', async () => {
  expect(await (await fetch(`${service.url}/v1/exceptions`)).json()).toEqual({ rows: [] });
  const refused = await fetch(`${service.url}/v1/on-time-performance?group_by=driver_id`);
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ errors: [{ path: 'query.group_by' }] });
});

test('an event that was never received is not found, with a time to ask again', async () => {
  const answer = await fetch(`${service.url}/v1/events/${encodeURIComponent('no/such event')}/trace`);
  expect(answer.status).toBe(404);
  expect(answer.headers.get('retry-after')).toBe('2');
});

test('the document describes the routes', async () => {
  const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as { openapi: string; paths: object };
  expect(document.openapi).toMatch(/^3\.1/);
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining([
      '/v1/shipments/daily',
      '/v1/on-time-performance',
      '/v1/exceptions',
      '/v1/conservation',
      '/v1/events/{id}/trace',
    ]),
  );
});
