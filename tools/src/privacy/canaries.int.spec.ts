import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Duck, openDuck } from '@millrace/lakehouse';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createPool, type Pool } from '@millrace/postgres';
import { TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { adminUrlOf } from '../chaos/admin-url';
import { freePortRange } from '../start/fixtures/waiting';
import { type Millrace, startMillrace } from '../start/millrace';
import { SERVICES, WORKSPACE_ROOT } from '../start/services';
import { Search } from './search';

// The whole of Millrace, as `npm start` starts it, and a search of everything that it keeps, says and shows.

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: 3f1f8a52-7a0e-4c53-9d60-0c8f1d1a7a01
name: people
version: 1.0.0
status: active
schema:
  - name: people
    physicalName: people
    properties:
      - { name: customer, logicalType: string, classification: personal }
      - { name: email, logicalType: string, classification: pii, logicalTypeOptions: { maxLength: 40 } }
      - { name: age, logicalType: integer, classification: Sensitive, logicalTypeOptions: { maximum: 150 } }
      - { name: card, logicalType: string, classification: restricted }
      - name: home
        logicalType: object
        classification: pii
        properties: [{ name: street, logicalType: string }]
      - { name: note, logicalType: string }
customProperties:
  - { property: eventTypes, value: [person, stranger] }
  - { property: privacy, value: { subject: $.payload.customer, reversible: [$.payload.email], envelope: [attributes] } }
`;

let dir: string;
let millrace: Millrace;
let pool: Pool;
let duck: Duck;
const logs: string[] = [];

beforeAll(async () => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-canaries-'));
  // Postgres may run as another account, which has to get to its data.
  fs.chmodSync(dir, 0o755);
  millrace = await startMillrace(
    { dataDir: path.join(dir, 'data'), portBase: await freePortRange(), workers: 1, jsonLogs: true },
    {
      // Nobody infers a contract of a type before it has one.
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'debug', INFER_AFTER: '1h', QUARANTINED_RAW: 'true' },
      signal: new AbortController().signal,
      onLine: ({ text }) => logs.push(text),
      say: (text) => logs.push(text),
    },
  );
  pool = createPool({
    url: adminUrlOf(path.join(dir, 'data'), millrace.ports.postgres.port),
    applicationName: 'canaries',
    max: 1,
  });
  duck = await openDuck({ memoryLimitMb: 256 });
}, 120_000);
afterAll(async () => {
  await pool?.end();
  await duck?.close();
  await millrace?.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
}, 60_000);

interface Answer {
  readonly status: number;
  readonly text: string;
}
const answers: [string, string][] = [];

async function call(
  method: string,
  target: string,
  body?: string,
  type = 'application/json',
  more = {},
): Promise<Answer> {
  const response = await fetch(millrace.url + target, {
    method,
    ...(body !== undefined && { headers: { 'content-type': type, ...more }, body }),
  });
  const text = await response.text();
  answers.push([`${method} ${target}`, text]);
  return { status: response.status, text };
}

async function until(what: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error(`it did not come to be: ${what.toString()}`);
    await sleep(100);
  }
}

/** Personal data that must not be seen: each a text that is nowhere else. */
const canaries: string[] = [];
let made = 0;
function canary(where: string): string {
  const text = `canary-${where}-${(++made * 7_919).toString(36)}-q7x`;
  canaries.push(text);
  return text;
}

const event = (id: string, type: string, payload: object, more: object = {}) => ({
  ...{ event_id: id, event_type: type, event_time: new Date().toISOString(), source: 'test', ...more },
  payload,
});
/** Somebody whose every classified field is a canary. */
const person = (name: string, more: object = {}) => ({
  customer: canary(`${name}-customer`),
  email: canary(`${name}-email`),
  card: canary(`${name}-card`),
  home: { street: canary(`${name}-street`), floor: canary(`${name}-undeclared-within`) },
  age: 41,
  note: 'nothing personal',
  ...more,
});

const push = async (body: string): Promise<string> => {
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'pushed' };
  return (await fetch(`${millrace.url}/api/v1/ingest_event`, { method: 'POST', headers, body })).text();
};

const NDJSON = 'application/x-ndjson';

it('personal data is nowhere to be seen, not even before it is curated', async () => {
  // A type without a contract, and then one that classifies what comes from now on.
  await call('POST', '/v1/events', JSON.stringify(event('s0', 'stranger', { note: 'before' })));
  expect(await call('POST', '/v1/contracts', CONTRACT, 'application/yaml')).toMatchObject({ status: 201 });
  await until(async () => (await call('GET', '/ingest-gateway/readiness')).status === 200);
  // The gateway and curation learn of it within a second; what is invalid under it says so.
  await until(async () => {
    const probe = event(v4(), 'person', { age: 'unknown' });
    return (await call('POST', '/v1/events?strict=true', JSON.stringify(probe))).status === 400;
  });

  // What is not personal has to be found by the same search, or that finds nothing anywhere.
  const controls = { landed: 'control-landed-81c2e', log: 'control-log-93ab7', header: 'control-source-55d1f' };
  const twice = event('twice', 'person', person('twice'));
  const sound = [
    event('sound', 'person', person('sound', { note: controls.landed }), { source: controls.header }),
    event('late', 'person', person('late'), { event_time: '2021-03-01T10:00:00Z' }),
    event('stranger', 'stranger', person('stranger')),
    event('nobody', 'person', person('nobody', { customer: undefined })),
    ...[twice, twice],
    { ...twice, payload: person('twice-otherwise') },
  ];
  const broken = [
    event('wrong-type', 'person', person('wrong-type', { age: canary('age-as-text') })),
    event('too-long', 'person', person('too-long', { email: canary('long'.padEnd(60, 'g')) })),
    event('too-old', 'person', person('too-old', { age: 7_263_514 })),
    event('list', 'person', person('list', { email: [canary('in-a-list')] })),
  ];
  const lines = [
    ...[...sound, ...broken].map((each) => JSON.stringify(each)),
    JSON.stringify(event('cut', 'person', person('cut'))).slice(0, -20),
    `{"event_type": "person", "payload": {"email": "${canary('unquoted')}, "age": 1}}`,
    `[1, "${canary('no-object')}"]`,
  ];
  expect((await call('POST', '/v1/events', lines.join('\n'), NDJSON)).status).toBe(202);
  await call('POST', '/v1/events?strict=true&receipts=all', lines.join('\n'), NDJSON);
  await call('POST', '/events', JSON.stringify({ eventType: 'person', payload: person('single') }));
  await call('POST', '/events', JSON.stringify({ eventType: 'person', payload: person('keyed') }), 'application/json', {
    'idempotency-key': 'k1',
  });
  await call('POST', '/v1/events', JSON.stringify(person('cloud')), 'application/json', {
    ...{ 'ce-id': 'cloud', 'ce-source': 's', 'ce-type': 'person', 'ce-specversion': '1.0' },
    'ce-contact': canary('attribute'),
  });
  const message = {
    message: { data: Buffer.from(JSON.stringify(event('push', 'person', person('push')))).toString('base64') },
  };
  // The data is repeated to who sent it: its answers are not among those that are searched, but what is kept of them is.
  const pushed = await Promise.all([1, 2].map(() => push(JSON.stringify({ ...message, subscription: 's' }))));
  expect(pushed.filter((text) => text.includes('message_data'))).not.toEqual([]);

  // One that nobody sealed, as a gateway without a master key would leave it.
  const messaging = createPostgresMessaging({
    url: adminUrlOf(path.join(dir, 'data'), millrace.ports.postgres.port),
    applicationName: 'canaries',
  });
  const headers = { format: 'event', tenant: 'default', source: 'planted', at: new Date().toISOString() };
  const value = Buffer.from(JSON.stringify(event('planted', 'person', { customer: 'c', email: controls.log, age: 3 })));
  const hour = `${headers.at.slice(0, 13)}:00:00.000Z`;
  const counts = [{ tenant: 'default', source: 'planted', hour, count: 1 }];
  await messaging.append(TOPICS.eventsInbound.name, {
    header: { appendId: v4(), counts },
    records: [{ headers, value }],
  });
  await messaging.close();

  await until(async () => {
    const { totals } = JSON.parse((await call('GET', conservation())).text) as { totals: Record<string, number> };
    return totals['received'] > lines.length && totals['pending'] === 0;
  });
  for (const id of ['sound', 'late', 'twice', 'push', 'cloud', 'planted'])
    await until(async () => (await call('GET', `/v1/events/${id}/trace`)).text.includes('LANDED'));
  await until(
    async () =>
      Number(
        (
          await pool.query(
            `SELECT count(*) AS n FROM log.batch b JOIN log.topic t ON t.id = b.topic WHERE t.name = 'events.quarantined'`,
          )
        ).rows[0].n,
      ) > 0,
  );
  await askAround();

  const search = new Search([...canaries, ...Object.values(controls)]);
  await search.files(path.join(dir, 'data'), duck, ['postgres']);
  await search.database(pool);
  for (const line of logs) search.look('log', line.slice(0, 200), line);
  for (const [place, text] of answers) search.look('answer', place, text);
  const places = new Map(search.places);
  const kinds = (text: string): string[] => [...new Set(places.get(text)?.map((place) => place.split(':')[0]))];
  expect(kinds(controls.landed)).toEqual(expect.arrayContaining(['parquet']));
  expect(places.get(controls.log)).toEqual(['database: log.batch.body']);
  expect(kinds(controls.header)).toEqual(expect.arrayContaining(['parquet', 'database', 'answer']));
  for (const kind of ['file', 'raw part', 'parquet', 'database', 'log', 'answer'])
    expect([kind, search.searched[kind] ?? 0]).not.toEqual([kind, 0]);
  expect(canaries.filter((each) => places.has(each)).map((each) => [each, places.get(each)])).toEqual([]);
}, 120_000);

const conservation = (): string => {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return `/v1/conservation?from=${day(Date.now() - 86_400_000)}&to=${day(Date.now() + 86_400_000)}`;
};

/** Whatever shows events, in every service. */
async function askAround(): Promise<void> {
  const ids = ['sound', 'twice', 'wrong-type', 'too-long', 'cut', 'cloud', 'nobody'];
  const targets = [
    ...ids.flatMap((id) => [`/v1/events/${id}/trace`, `/admin/events/${id}`]),
    ...[
      '/v1/quarantine',
      '/v1/quarantine/groups',
      '/admin/events/failed',
      '/admin/metrics',
      '/v1/audit',
      '/v1/late-data',
    ],
    ...['/v1/contracts/people', '/v1/contracts/people/drift', '/v1/tables', '/v1/tables/people', '/v1/quality/trends'],
    ...['/v1/late-data/sources', conservation()],
    ...SERVICES.flatMap(({ name }) => [`/${name}/metrics`, `/${name}/readiness`]),
  ];
  for (const target of targets) await call('GET', target);
  const groups = JSON.parse((await call('GET', '/v1/quarantine/groups')).text) as { groups?: { id?: string }[] };
  for (const { id } of groups.groups ?? []) await call('GET', `/v1/quarantine?group=${id}`);
  await call('POST', '/v1/quarantine/plan', '{}');
}
