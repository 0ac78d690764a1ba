import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readDataSet } from '../demo/data-set';
import { freePortRange } from '../start/fixtures/waiting';
import { runningProcesses } from '../start/running';
import { type Millrace, startMillrace } from '../start/millrace';
import { WORKSPACE_ROOT } from '../start/services';

// Contracts over real services: published by HTTP, used by everybody who runs, tried on history while a worker is killed.

const LINES = 4_000;
const MILES_MAX = 1_000;
const YAML = { 'content-type': 'application/yaml' };

let dir: string;
let millrace: Millrace;

beforeAll(async () => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-contracts-'));
  millrace = await startMillrace(
    { dataDir: dir, portBase: await freePortRange(), workers: 1, jsonLogs: false },
    {
      env: {
        ...{ PATH: process.env['PATH'], LOG_LEVEL: 'warn', CONTRACTS_POLL_EVERY: '1h' },
        ...{ SHADOW_ITEMS_PER_SECOND_MAX: '1500', WORK_LEASE: '2s' },
      },
      signal: new AbortController().signal,
      onLine: () => undefined,
      say: () => undefined,
    },
  );
}, 120_000);

afterAll(async () => {
  await millrace?.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
}, 60_000);

interface Answer {
  readonly status: number;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at by tests
  readonly json: any;
}

async function call(method: string, route: string, body?: string | object, headers = {}): Promise<Answer> {
  const response = await fetch(millrace.url + route, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    body: typeof body === 'object' ? JSON.stringify(body) : body,
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined;
  return { status: response.status, text, json };
}

async function until<T>(what: () => Promise<T | false | undefined>, why: string): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${why}, not within a minute`);
    await sleep(20);
  }
}

const contract = (version: string, extra = ''): string => `
apiVersion: v3.1.0
kind: DataContract
id: 4f6c2a10-9c2b-4d4e-8d55-7a1f0c2b9e01
name: tickets
version: ${version}
status: active
schema:
  - name: tickets
    logicalType: object
    properties:
      - { name: ticket_id, logicalType: string, required: true }
${extra}
customProperties:
  - { property: eventTypes, value: [ticket.opened] }
`;
const ticket = (id: string, payload: object): object => ({
  ...{ event_id: id, event_type: 'ticket.opened', source: 'desk', event_time: '2026-01-15T10:30:00Z' },
  payload: { ticket_id: id, ...payload },
});

it('a contract that is published by HTTP is used by the gateway and by curation', async () => {
  const strict = (event: object) => call('POST', '/v1/events?strict=true', event);
  expect((await strict(ticket('before', { urgent: 'yes' }))).status).toBe(202);
  expect((await call('POST', '/v1/contracts', contract('1.0.0'), YAML)).status).toBe(201);
  const urgent = contract('1.1.0', '      - { name: urgent, logicalType: boolean }');
  expect((await call('PUT', '/v1/contracts/tickets', urgent, YAML)).status).toBe(201);
  await until(async () => (await strict(ticket('strict', { urgent: 'yes' }))).status === 400, 'the gateway refuses');
  let sent = 0;
  const quarantined = await until(async () => {
    await call('POST', '/v1/events', ticket(`t-${sent++}`, { urgent: 'yes' }));
    const { rows } = (await call('GET', '/v1/quarantine')).json;
    return rows.find(({ eventType }: { eventType: string }) => eventType === 'ticket.opened');
  }, 'curation quarantines');
  expect(quarantined).toMatchObject({ contract: 'tickets', path: '$.payload.urgent' });
  const refused = await call(
    'POST',
    '/v1/contracts',
    contract('1.2.0', '      - { name: by, logicalType: string, required: true }'),
    YAML,
  );
  expect([refused.status, refused.json.errors[0].path]).toEqual([409, '$.payload.by']);
  const { rows } = await until(async () => {
    const { json } = await call('GET', '/v1/audit');
    return json.rows.some(({ subject }: { subject: string }) => subject === 'tickets@1.1.0') && json;
  }, 'the audit shows it');
  expect(rows.filter(({ subject }: { subject: string }) => subject === 'tickets@1.1.0')).toMatchObject([
    { actor: 'local' },
  ]);
}, 120_000);

it('a version is tried on raw data before it is published, also where the worker is killed meanwhile', async () => {
  const lines = readDataSet().lines.slice(0, LINES);
  const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  const sent = await fetch(`${millrace.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: new Uint8Array(body),
  });
  expect(sent.status).toBe(202);
  await until(async () => {
    const { totals } = (await call('GET', '/v1/conservation')).json;
    return totals.received >= LINES && totals.pending === 0;
  }, 'everything has its fate');
  const known = (await call('GET', '/v1/contracts/shipment_status_changed')).text;
  const proposed = known
    .replace('version: 1.0.0', 'version: 1.1.0')
    .replace(
      /(name: distance_miles\n +logicalType: integer\n +logicalTypeOptions: \{ minimum: 0)/,
      `$1, maximum: ${MILES_MAX}`,
    );
  const asked = await call('POST', '/v1/contracts/shipment_status_changed/shadow?days=2', proposed, YAML);
  expect(asked).toMatchObject({ status: 202, json: { status: 'requested', version: '1.1.0' } });
  const route = `/v1/contracts/shipment_status_changed/shadow/${asked.json.id}`;

  await until(async () => (await call('GET', route)).json.status === 'running', 'it runs');
  const worker = await until(
    async () => runningProcesses(dir).find(({ name }) => name === 'curation-worker'),
    'there is a worker',
  );
  process.kill(worker.pid, 'SIGKILL');

  const shadow = await until(async () => {
    const { json } = await call('GET', route);
    return json.status === 'done' && json;
  }, 'it is done');
  // Told from the lines alone: those that hold too long a lane, less those that were quarantined anyway.
  const far = lines.filter((line) => {
    try {
      return JSON.parse(line.toString('utf8')).payload.distance_miles > MILES_MAX;
    } catch {
      return false;
    }
  }).length;
  const { result } = shadow;
  expect(result.breaks).toBeGreaterThan(far * 0.9);
  expect(result.breaks).toBeLessThanOrEqual(far);
  expect(result.passes + result.breaks + result.heals + result.fails + result.unreadable).toBe(result.items);
  expect(result.breaksPercent).toBeCloseTo((100 * result.breaks) / result.items, 3);
  expect(result.rules).toMatchObject([
    { path: '$.payload.distance_miles', breaks: result.breaks, sources: { http: result.breaks } },
  ]);
  const [sample] = result.rules[0].samples;
  expect((await call('GET', `/v1/events/${sample.eventId}/trace`)).json.status).toBe('LANDED');
  // Nothing was published by trying.
  expect((await call('GET', '/v1/contracts/shipment_status_changed/versions')).json.rows).toHaveLength(1);

  const second = await call('POST', '/v1/contracts/shipment_status_changed/shadow', proposed, YAML);
  const other = `/v1/contracts/shipment_status_changed/shadow/${second.json.id}`;
  expect((await call('DELETE', other)).status).toBe(202);
  await until(async () => (await call('GET', other)).json.status === 'cancelled', 'it is cancelled');
}, 180_000);
