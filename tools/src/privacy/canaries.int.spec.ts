import { ROLES } from '@millrace/auth';
import { type Duck, openDuck } from '@millrace/lakehouse';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createPool, type Pool } from '@millrace/postgres';
import { TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { adminUrlOf } from '../chaos/admin-url';
import { type Answer, soon, startWhole, type Whole } from '../start/fixtures/whole';
import { SERVICES } from '../start/services';
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

const ADMIN_TOKEN = 'the-token-to-make-the-first-keys-with';

let whole: Whole;
let pool: Pool;
let duck: Duck;

beforeAll(async () => {
  whole = await startWhole({
    name: 'canaries',
    // Nobody infers a contract of a type before it has one.
    env: {
      ...{ LOG_LEVEL: 'debug', INFER_AFTER: '1h', QUARANTINED_RAW: 'true' },
      ...{ AUTH_MODE: 'key', INGEST_AUTH_MODE: 'key', ADMIN_TOKEN, KEYS_POLL: '500ms' },
    },
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const url = adminUrlOf(whole.dataDir, whole.millrace.ports.postgres.port);
  pool = createPool({ url, applicationName: 'canaries', max: 1 });
  duck = await openDuck({ memoryLimitMb: 256 });
}, 120_000);
afterAll(async () => {
  await pool?.end();
  await duck?.close();
  await whole?.stop();
}, 60_000);

const answers: [string, string][] = [];

/** What it answers is searched later on. */
async function call(method: string, target: string, body?: unknown, headers = {}): Promise<Answer> {
  const answer = await whole.call(method, target, body, headers);
  answers.push([`${method} ${target}`, answer.text]);
  return answer;
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

const NDJSON = { 'content-type': 'application/x-ndjson' };

it('personal data is nowhere to be seen, not even before it is curated', async () => {
  // A type without a contract, and then one that classifies what comes from now on.
  await call('POST', '/v1/events', event('s0', 'stranger', { note: 'before' }));
  const yaml = { 'content-type': 'application/yaml' };
  expect(await call('POST', '/v1/contracts', CONTRACT, yaml)).toMatchObject({ status: 201 });
  // The gateway and curation learn of it within a second; what is invalid under it says so.
  await soon(async () => {
    const probe = event(v4(), 'person', { age: 'unknown' });
    return (await call('POST', '/v1/events?strict=true', probe)).status === 400;
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
  await call('POST', '/events', { eventType: 'person', payload: person('single') });
  await call('POST', '/events', { eventType: 'person', payload: person('keyed') }, { 'idempotency-key': 'k1' });
  await call('POST', '/v1/events', person('cloud'), {
    ...{ 'ce-id': 'cloud', 'ce-source': 's', 'ce-type': 'person', 'ce-specversion': '1.0' },
    'ce-contact': canary('attribute'),
  });
  const message = {
    message: { data: Buffer.from(JSON.stringify(event('push', 'person', person('push')))).toString('base64') },
  };
  // The data is repeated to who sent it: its answers are not among those that are searched, but what is kept of them is.
  const push = () =>
    whole.call('POST', '/api/v1/ingest_event', { ...message, subscription: 's' }, { 'idempotency-key': 'pushed' });
  const pushed = await Promise.all([push(), push()]);
  expect(pushed.filter(({ text }) => text.includes('message_data'))).not.toEqual([]);

  // One that nobody sealed, as a gateway without a master key would leave it.
  const messaging = createPostgresMessaging({
    url: adminUrlOf(whole.dataDir, whole.millrace.ports.postgres.port),
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

  await soon(async () => {
    const { totals } = (await call('GET', conservation())).json;
    return totals.received > lines.length && totals.pending === 0;
  });
  for (const id of ['sound', 'late', 'twice', 'push', 'cloud', 'planted'])
    await soon(async () => (await call('GET', `/v1/events/${id}/trace`)).text.includes('LANDED'));
  await soon(
    async () =>
      Number(
        (
          await pool.query(
            `SELECT count(*) AS n FROM log.batch b JOIN log.topic t ON t.id = b.topic WHERE t.name = 'events.quarantined'`,
          )
        ).rows[0].n,
      ) > 0,
  );
  await reveals(sound[0]);
  await askAround();

  const search = new Search([...canaries, ...Object.values(controls)]);
  await search.files(whole.dataDir, duck, ['postgres']);
  await search.database(pool);
  for (const line of whole.log) search.look('log', line.slice(0, 200), line);
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

/** Only the role for it sees what a token stands for, and the audit says who did. What is answered is not searched. */
async function reveals(landed: ReturnType<typeof event>): Promise<void> {
  const { email } = landed.payload as { email: string };
  const token = (await call('GET', `/v1/events/${landed.event_id}/trace`)).json.event.payload.email;
  expect(token).toMatch(/^rev_/);
  const asked = { tokens: [token], reason: 'a ticket' };
  const reveal = (secret: string) =>
    whole.call('POST', '/v1/tokens/reveal', asked, { authorization: `Bearer ${secret}` });
  const keyOf = async (role: string, tenant = 'default'): Promise<{ id: string; key: string }> =>
    (await whole.call('POST', '/v1/api-keys', { name: role, roles: [role], tenant })).json;
  // A key is known to all services within a second.
  const answered = (key: string) =>
    soon(async () => {
      const answer = await reveal(key);
      return answer.status !== 401 && answer;
    });
  const revealer = await keyOf('revealer');
  expect(await answered(revealer.key)).toMatchObject({ status: 200, json: { rows: [{ token, value: email }] } });
  for (const role of ROLES.filter((each) => each !== 'revealer'))
    expect([role, (await answered((await keyOf(role)).key)).status]).toEqual([role, 403]);
  expect((await reveal(ADMIN_TOKEN)).status).toBe(403);
  expect((await reveal('a-wrong-credential')).status).toBe(401);
  const other = await answered((await keyOf('revealer', 'acme')).key);
  expect(other).toMatchObject({ status: 200, json: { rows: [{ token, why: 'unknown' }] } });
  const [record, ...more] = await soon(async () => {
    const { rows } = (await call('GET', '/v1/audit')).json;
    const found = rows.filter(({ action }: { action: string }) => action === 'privacy.tokens_revealed');
    return found.length > 0 && found;
  });
  expect([record, more]).toMatchObject([
    { actor: `key:${revealer.id}`, detail: { reason: 'a ticket', revealed: 1 } },
    [],
  ]);
}

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
  const { rows } = (await call('GET', '/v1/quarantine/groups')).json;
  expect(rows.length).toBeGreaterThan(3);
  for (const { group } of rows)
    expect((await call('GET', `/v1/quarantine?group=${group}`)).json.rows.length).toBeGreaterThan(0);
  const plan = await call('POST', '/v1/quarantine/plan', { filter: { eventType: 'person' } });
  expect([plan.status, plan.json.selected > 0]).toEqual([200, true]);
}
