import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Messaging } from '@millrace/messaging';
import { publishJson } from '@millrace/messaging/nest';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { createService, type Service } from '@millrace/service';
import { systemClock, systemRandom } from '@millrace/observability';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, type TablesChanged, TOPICS } from '@millrace/topics';
import { AppModule } from './app.module';
import { config } from './config';
import { Opener } from './privacy/opener';
import { PostgresKeyStore } from './privacy/postgres/key-store';
import { Protections } from './privacy/protection';
import { shipmentEvent } from './testing/landing-bench';
import { appendItems, landedBatches, MIGRATIONS, publishContracts } from './testing/lake';
import { caughtUp, until } from './testing/worker-under-test';

interface Group {
  readonly group: string;
  readonly reason: string;
  readonly path: string;
  readonly contract: string | null;
  readonly eventType: string | null;
  readonly count: number;
  readonly sample: { readonly text?: string; readonly base64?: string; readonly sealed?: string };
}

describe('the service', () => {
  let database: TestDatabase;
  let messaging: Messaging;
  let service: Service;
  let root: string;

  beforeAll(async () => {
    database = await testDatabase({ migrations: MIGRATIONS });
    root = await mkdtemp(path.join(os.tmpdir(), 'curation-'));
    messaging = createPostgresMessaging({ url: database.url, applicationName: 'test' });
    for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
    for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
    const env = {
      PORT: '0',
      DATABASE_URL: database.url,
      STORAGE_ROOT: root,
      MASTER_KEY_FILE: path.join(root, '.keys', 'master.json'),
      LOG_LEVEL: process.env['TEST_LOG'] ? 'info' : 'silent',
      LANDING_LINGER: '10ms',
    };
    service = createService(
      { name: 'curation-worker', version: '0.0.0', config, module: (context) => AppModule.compose(context) },
      env,
    );
    await service.start();
  });
  afterAll(async () => {
    expect(await service.stop()).toEqual([]);
    await messaging.close();
    await database.drop();
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });

  const get = async (
    route: string,
  ): Promise<{ status: number; type: string | null; body: Record<string, unknown> & { rows: never[] } }> => {
    const response = await fetch(`${service.address}${route}`);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: JSON.parse(await response.text()),
    };
  };

  test('is not ready before there are contracts, and is woken by their message', async () => {
    await until(async () =>
      JSON.stringify((await get('/readiness')).body).includes('no contracts have been published yet'),
    );
    expect((await get('/readiness')).status).toBe(503);
    await publishContracts(createFilesystemStorage({ root }));
    await publishJson(messaging, TOPICS.contractsChanged.name, { index: 1, at: new Date().toISOString() });
    await until(async () => (await get('/readiness')).status === 200);
  });

  test('shows what is quarantined by what is wrong with it, but not what may be personal', async () => {
    const broken = (i: number): Buffer =>
      Buffer.from(`{"event_type":"shipment.status.changed","broken":${'9'.repeat(i + 1)}`);
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x00, 0x22, 0x7d]);
    await appendItems(messaging, [
      ...[0, 1, 2].map(broken),
      bytes,
      shipmentEvent('bad1', { status: 'lost' }),
      shipmentEvent('bad2', { status: 'stolen' }),
      shipmentEvent('good'),
    ]);
    await until(() => caughtUp(messaging));

    const { body } = await get('/v1/quarantine/groups');
    const groups = body.rows as unknown as Group[];
    expect(groups.map(({ reason, count, eventType }) => [reason, count, eventType])).toEqual([
      ['invalid_json', 3, null],
      ['unknown_value', 2, 'shipment.status.changed'],
      ['invalid_utf8', 1, null],
    ]);
    expect(groups[1]).toMatchObject({ path: '$.payload.status', contract: 'shipment_status_changed' });
    // The contract classifies fields, so what cannot be read may hold such.
    for (const { sample } of groups) {
      expect(sample).toMatchObject({ sealed: expect.stringMatching(/^(d\d|s)/), truncated: true });
      expect([sample.text, sample.base64]).toEqual([undefined, undefined]);
    }

    const items = await get(`/v1/quarantine?group=${groups[0].group}&limit=2`);
    const linesOf = (answer: typeof items): number[] => answer.body.rows.map((row: { rawLine: number }) => row.rawLine);
    expect(linesOf(items)).toEqual([1, 2]);
    const rest = await get(`/v1/quarantine?group=${groups[0].group}&limit=2&page=${items.body['nextPage']}`);
    expect(linesOf(rest)).toEqual([3]);
    expect(rest.body['nextPage']).toBeUndefined();
    expect((await get('/v1/quarantine?limit=200')).body.rows).toHaveLength(6);
  });

  test('has the bytes as they came, for whoever has the keys', async () => {
    const storage = createFilesystemStorage({ root });
    const keys = new PostgresKeyStore(database.pool);
    const master = createFileMasterKeys(path.join(root, '.keys', 'master.json'), systemRandom);
    const deps = { storage, keys, master, clock: systemClock, random: systemRandom, dailyKeepDays: 30 };
    const { rows } = await database.pool.query(
      'SELECT raw, headers, sealed_by AS "sealedBy", reason FROM curation_worker.quarantine ORDER BY id',
    );
    const opened = await new Opener(new Protections(deps), keys).items(rows);
    const texts = opened.map((item) => (item.ok ? item.raw.toString('latin1') : item.why));
    expect(texts.filter((text) => text.includes('"broken":'))).toHaveLength(3);
    expect(texts.filter((text) => text.includes('stolen'))).toHaveLength(1);
    expect(opened.every((item) => item.ok && item.headers.request !== undefined)).toBe(true);
    expect(rows.some(({ raw }: { raw: Buffer }) => raw.includes('broken') || raw.includes('stolen'))).toBe(false);
  });

  test.each([
    '/v1/quarantine?group=x',
    '/v1/quarantine?page=-1',
    '/v1/quarantine?limit=0',
    '/v1/quarantine?limit=1000',
    '/v1/quarantine/groups?limit=a',
  ])('%s is refused with the field that is wrong', async (route) => {
    const { status, type, body } = await get(route);
    expect([status, type]).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect((body['errors'] as { path: string }[])[0].path).toMatch(/^query\.(group|page|limit)$/);
  });

  test('answers windows, late data and the clocks of sources, of what landed', async () => {
    const rowsOf = async (route: string): Promise<Record<string, unknown>[]> => (await get(route)).body.rows;
    await until(async () => (await rowsOf('/v1/kpis/1d')).length > 0);
    expect(
      (await get('/v1/kpis/5m?from=2013-01-31&to=2013-01-31&type=shipment.status.changed&facility=EWR')).body,
    ).toMatchObject({
      rows: [
        {
          ...{ start: '2013-01-31T10:00:00.000Z', end: '2013-01-31T10:05:00.000Z' },
          ...{ eventType: 'shipment.status.changed', facilityId: 'EWR', events: 1, late: 1 },
        },
      ],
      watermark: '2013-01-31T09:59:00.000Z',
    });
    const sliding = await get('/v1/kpis/1m?limit=2');
    expect(sliding.body.rows.map(({ start }: { start: string }) => start)).toEqual([
      '2013-01-31T09:59:20.000Z',
      '2013-01-31T09:59:40.000Z',
    ]);
    const rest = await rowsOf(`/v1/kpis/1m?limit=2&page=${sliding.body['nextPage']}`);
    expect(rest).toMatchObject([{ start: '2013-01-31T10:00:00.000Z', facilityId: 'EWR' }]);
    expect(await rowsOf('/v1/kpis/1d?to=2013-01-30')).toEqual([]);
    expect(await rowsOf('/v1/late-data')).toMatchObject([
      { day: '2013-01-31', source: 'test', contract: 'shipment_status_changed', events: 1 },
    ]);
    expect(await rowsOf('/v1/late-data?contract=other')).toEqual([]);
    expect(await rowsOf('/v1/late-data/sources?source=test')).toMatchObject([
      {
        source: 'test',
        latenessSeconds: { count: 1, buckets: [{ upTo: null, count: 1 }] },
        clockSkewSeconds: { count: 0 },
      },
    ]);
  });

  test.each([
    '/v1/kpis/2m',
    '/v1/kpis/1m?type=x',
    '/v1/kpis/5m?from=2013-02-30',
    '/v1/kpis/5m?page=x',
    '/v1/late-data?to=x',
    '/v1/late-data/sources?page=WzFd',
    '/v1/late-data?page=WyIyMDEzLTAxLTMxIiwiXHUwMDAwIiwiIl0',
  ])('%s is refused in words', async (route) => {
    const { status, type, body } = await get(route);
    expect([status, type]).toEqual([route.includes('2m') ? 404 : 400, 'application/problem+json; charset=utf-8']);
    expect(body['detail']).toBeTruthy();
  });

  test('what table-manager has committed leaves the outbox', async () => {
    const outboxed = async (): Promise<number> =>
      (await database.pool.query('SELECT count(*)::int AS n FROM curation_worker.outbox')).rows[0].n;
    await until(async () => (await outboxed()) > 0);
    const batches = await landedBatches(database.pool);
    const number = batches.length;
    const message: TablesChanged = {
      lineId: batches[0].lineId,
      number,
      from: 1,
      catalogVersion: 1,
      tables: {},
      at: new Date().toISOString(),
    };
    await publishJson(messaging, TOPICS.tablesChanged.name, message);
    await until(async () => (await outboxed()) === 0);
  });

  test('counts what it does', async () => {
    const text = await (await fetch(`${service.address}/metrics`)).text();
    expect(text).toMatch(/millrace_curated_events_total\{[^}]*fate="quarantined"[^}]*\} 6/);
    expect(text).toMatch(/millrace_quarantined_events_total\{[^}]*reason="unknown_value"[^}]*\} 2/);
    expect(text).toMatch(/millrace_event_lateness_seconds_bucket\{[^}]*le="\+Inf"[^}]*source="test"[^}]*\} 1/);
    expect(text).toMatch(/millrace_lag_events\{[^}]*partition="0"[^}]*\} 0/);
  });

  test('describes its routes', async () => {
    const { body } = await get('/openapi.json');
    expect(Object.keys(body['paths'] as object)).toEqual(
      expect.arrayContaining(['/v1/quarantine', '/v1/quarantine/groups']),
    );
  });
});
