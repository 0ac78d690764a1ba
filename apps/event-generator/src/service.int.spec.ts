import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentIdOfItem } from '@millrace/envelope';
import { startService, type StartedService } from '@millrace/service/testing';
import { eventGenerator } from './service';
import { FakeMillrace } from './testing/fake-millrace';

let millrace: FakeMillrace;
let service: StartedService;
let dir: string;

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'millrace-generator-'));
  millrace = new FakeMillrace();
  const target = await millrace.start();
  service = await startService(eventGenerator, {
    STORAGE_ROOT: dir,
    GENERATOR_TARGET_URL: `${target}/`,
    GENERATOR_TARGET_TOKEN: 'secret-token',
    GENERATOR_RETRY_MAX: '5s',
    DEMO_DATA_DIR: dir,
  });
});

afterEach(async () => {
  await service.stop();
  millrace.stop();
  await rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at here
type Answer = { status: number; headers: Headers; json: any; text: string };

async function call(method: string, route: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${service.url}${route}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  const isJson =
    /json/.test(response.headers.get('content-type') ?? '') &&
    !/ndjson/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}
const post = (route: string, body?: unknown): Promise<Answer> => call('POST', route, body);

async function ended(id: string): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', `/load/${id}`);
    if (json.state !== 'running') return json;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('POST /generate', () => {
  it('sends what it says it sent, with the token', async () => {
    const { status, json } = await post('/generate/order?count=250&seed=s');
    expect([status, json]).toEqual([
      200,
      expect.objectContaining({
        type: 'order',
        count: 250,
        seed: 's',
        target: 'http',
        acknowledged: 250,
        quarantined: 0,
      }),
    ]);
    expect(millrace.lines.map(contentIdOfItem)).toEqual(json.eventIds);
    expect(millrace.seen[0].headers).toMatchObject({
      authorization: 'Bearer secret-token',
      'content-type': 'application/x-ndjson',
      'idempotency-key': expect.stringMatching(/^generate-/),
    });
  });

  it('sends the same for the same seed, and something else without one, that can be asked for again', async () => {
    const one = await post('/generate/shipment?count=20&seed=s');
    const two = await post('/generate/shipment?count=20&seed=s');
    expect(two.json.eventIds).toEqual(one.json.eventIds);
    expect(millrace.seen[1].lines).toEqual(millrace.seen[0].lines);
    // Not the same request: its events are to be received again, and found to be duplicates.
    expect(millrace.seen[1].headers['idempotency-key']).not.toBe(millrace.seen[0].headers['idempotency-key']);
    const drawn = await post('/generate/shipment?count=20');
    expect(drawn.json.eventIds).not.toEqual(one.json.eventIds);
    const again = await post(`/generate/shipment?count=20&seed=${drawn.json.seed}&from=${drawn.json.from}`);
    expect(again.json.eventIds).toEqual(drawn.json.eventIds);
  });

  it('tells of events that are about now, where it is not told otherwise, and of none to come', async () => {
    const { json } = await post('/generate/inventory?count=100');
    const times = millrace.lines.map((line) => Date.parse(JSON.parse(line.toString()).timestamp));
    expect(Math.max(...times)).toBeLessThan(Date.now() + 3_600_000);
    expect(Date.parse(json.from)).toBeLessThan(Date.now());
  });

  it('sends again with the same ids what was not taken, when the target says', async () => {
    millrace.answer = (nth) => (nth < 3 ? { status: 503, headers: { 'retry-after': '0' } } : { status: 202 });
    const { status, json } = await post('/generate/telemetry?count=3&seed=s');
    expect([status, json.requests, json.retries, json.acknowledged]).toEqual([200, 1, 2, 3]);
    expect(new Set(millrace.seen.map(({ lines }) => Buffer.concat([...lines]).toString())).size).toBe(1);
    expect(new Set(millrace.seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  it('says what is acknowledged when the target refuses', async () => {
    millrace.answer = () => ({ status: 401, detail: 'No token.' });
    const { status, json } = await post('/generate/order?count=3&seed=s');
    expect([status, json.detail]).toEqual([
      502,
      expect.stringMatching(/^0 of 3 events are acknowledged.*401: No token/),
    ]);
    expect(millrace.seen).toHaveLength(1);
  });

  it.each([
    ['/generate/nothing', 404, 'params', 'enum'],
    ['/generate/order?count=0', 400, 'query.count', 'min'],
    ['/generate/order?count=10001', 400, 'query.count', 'max'],
    ['/generate/order?count=1.5', 400, 'query.count', 'isInt'],
    ['/generate/order?count=', 400, 'query.count', 'isInt'],
    [`/generate/order?seed=${'x'.repeat(65)}`, 400, 'query.seed', 'isLength'],
    ['/generate/order?seed=a&seed=b', 400, 'query.seed', 'isLength'],
    ['/generate/order?from=2026-02-30T00:00:00Z', 400, 'query.from', 'instant'],
    ['/generate/order?from=0001-01-01T00:00:00Z', 400, 'query.from', 'instant'],
    ['/generate/order?sede=1', 400, 'query.sede', 'unknown'],
  ])('refuses %s', async (route, status, at, rule) => {
    const { json, ...answer } = await post(route);
    expect([answer.status, json.errors?.map((error: { path: string }) => error.path)]).toEqual([
      status,
      expect.arrayContaining([at]),
    ]);
    expect(json.errors.map((error: { rule: string }) => error.rule)).toContain(rule);
    expect(millrace.seen).toEqual([]);
  });
});

describe('POST /api/demo/seed', () => {
  const lines = [Buffer.from('{"shipment_id": "a"}'), Buffer.from([0xff, 0x7b]), Buffer.from('{"x"')];
  beforeEach(() => {
    mkdirSync(path.join(dir, 'shipments'));
    writeFileSync(
      path.join(dir, 'shipments', 'events.jsonl.gz'),
      gzipSync(Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))),
    );
  });

  it('sends every line as it is', async () => {
    const { status, json } = await post('/api/demo/seed/shipments?per_ingestion_max=2');
    expect([status, json.lines, json.acknowledged, json.requests]).toEqual([200, 3, 3, 2]);
    expect([...millrace.lines].sort(Buffer.compare)).toEqual([...lines].sort(Buffer.compare));
  });

  it('sends the first lines only', async () => {
    expect((await post('/api/demo/seed/shipments?limit=2')).json).toMatchObject({
      lines: 2,
      acknowledged: 2,
      requests: 1,
    });
    expect(millrace.lines).toEqual(lines.slice(0, 2));
  });

  it('names what there is', async () => {
    const { status, json } = await post('/api/demo/seed/parcels');
    expect([status, json.detail]).toEqual([404, 'There is no data set of this name; there is shipments.']);
    expect((await post('/api/demo/seed/..%2Fshipments')).status).toBe(404);
  });
});

describe('/load', () => {
  const body = {
    type: 'shipment',
    ratePerSecond: 1_000,
    seconds: 0.5,
    duplicates: 0.2,
    late: 0.1,
    corrupt: 0.1,
    seed: 's',
  };

  it('sends what its books and its manifest say', async () => {
    const started = await post('/load', body);
    expect([started.status, started.headers.get('location')]).toEqual([202, `/load/${started.json.id}`]);
    const load = await ended(started.json.id);
    expect(load).toMatchObject({
      state: 'finished',
      items: 500,
      offered: 500,
      acknowledged: 500,
      notSent: 0,
      underWay: 0,
    });
    expect(millrace.lines).toHaveLength(500);
    const { received, landed, duplicate, quarantined, exact } = load.expected;
    expect([received, landed + duplicate + quarantined, exact]).toEqual([500, 500, true]);
    const manifest = await call('GET', `/load/${load.id}/manifest`);
    expect(manifest.headers.get('content-type')).toBe('application/x-ndjson');
    const items = manifest.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ids = items.map(({ eventId }) => eventId).filter((id) => id !== null);
    expect([items.length, new Set(ids).size, items.filter(({ kind }) => kind === 'corrupt').length]).toEqual([
      500,
      landed,
      quarantined,
    ]);
    expect((await call('GET', '/load')).json.rows.map(({ id }: { id: string }) => id)).toEqual([load.id]);
  });

  it('is cancelled, and then sends nothing more', async () => {
    const { json } = await post('/load', { ...body, seconds: 600 });
    while (millrace.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await call('GET', `/load/${json.id}/manifest`)).status).toBe(409);
    const cancelled = await call('DELETE', `/load/${json.id}`);
    expect([cancelled.status, cancelled.json.state, cancelled.json.underWay]).toEqual([200, 'cancelled', 0]);
    const sent = millrace.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(millrace.seen).toHaveLength(sent);
  });

  it('runs a few at once and refuses the next', async () => {
    const endless = { ...body, seconds: 600, ratePerSecond: 10 };
    await post('/load', endless);
    await post('/load', endless);
    const third = await post('/load', endless);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
    expect((await call('GET', '/metrics')).text).toMatch(/millrace_loads_running\{[^}]*\} 2/);
  });

  it.each([
    [{ type: 'nothing' }, '$.type'],
    [{ ratePerSecond: '5' }, '$.ratePerSecond'],
    [{ ratePerSecond: 0 }, '$.ratePerSecond'],
    [{ seconds: 1e9 }, '$.seconds'],
    [{ ratePerSecond: 100_000, seconds: 86_400 }, '$.seconds'],
    [{ late: 1.5 }, '$.late'],
    [{ late: 0.9 }, '$'],
    [{ eventsPerRequest: 0 }, '$.eventsPerRequest'],
    [{ seed: 7 }, '$.seed'],
    [{ rate: 5 }, '$.rate'],
  ])('refuses %j', async (change, at) => {
    const { status, json } = await post('/load', { ...body, ...change });
    expect([status, json.errors.map((error: { path: string }) => error.path)]).toEqual([
      400,
      expect.arrayContaining([at]),
    ]);
  });

  it('says that loads do not survive a restart', async () => {
    for (const [method, route] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/manifest'],
    ]) {
      const { status, json } = await call(method, `/load/unknown${route}`);
      expect([status, json.detail]).toEqual([404, expect.stringContaining('kept in memory')]);
    }
  });

  it('ends with the service', async () => {
    await post('/load', { ...body, seconds: 600 });
    await service.stop();
    // A request that was on its way arrives; ten minutes of them do not: it comes to rest.
    const deadline = Date.now() + 30_000;
    for (let sent = -1; sent !== millrace.seen.length && Date.now() < deadline;) {
      sent = millrace.seen.length;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(Date.now()).toBeLessThan(deadline);
  });
});

it('is for operators of the deployment; others may look at loads, if anything', async () => {
  await service.stop();
  const [admin, producer] = ['a'.repeat(32), 'p'.repeat(32)];
  service = await startService(eventGenerator, { STORAGE_ROOT: dir, AUTH_MODE: 'key', ADMIN_TOKEN: admin });
  const routes = [
    ['POST', '/generate/order'],
    ['POST', '/api/demo/seed/shipments'],
    ['POST', '/load'],
    ['GET', '/load'],
    ['GET', '/load/x'],
    ['GET', '/load/x/manifest'],
    ['DELETE', '/load/x'],
  ];
  for (const [method, route] of routes) {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${service.url}${route}`, { method, headers })).status;
    expect([route, await status({}), await status({ authorization: `Bearer ${producer}` })]).toEqual([route, 401, 401]);
  }
  const asAdmin = await fetch(`${service.url}/load`, { headers: { authorization: `Bearer ${admin}` } });
  expect([asAdmin.status, await asAdmin.json()]).toEqual([200, { rows: [] }]);
});

it('describes itself', async () => {
  const { json } = await call('GET', '/openapi.json');
  expect(Object.keys(json.paths)).toEqual(
    expect.arrayContaining([
      '/generate/{type}',
      '/api/demo/seed/{dataset}',
      '/load',
      '/load/{id}',
      '/load/{id}/manifest',
    ]),
  );
  expect(json.components.schemas.LoadBody.required).toEqual(['type', 'ratePerSecond', 'seconds']);
  const count = json.paths['/generate/{type}'].post.parameters.find(({ name }: { name: string }) => name === 'count');
  expect(count).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'number', minimum: 1, maximum: 10_000 },
  });
});
