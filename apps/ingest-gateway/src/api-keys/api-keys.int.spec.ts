import { setTimeout as sleep } from 'node:timers/promises';
import { decodeKeyFile, keyFilePath } from '@millrace/auth';
import { decodeFrame } from '@millrace/messaging/codec';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, TOPICS } from '@millrace/topics';
import { gatewayDatabase, type GatewayDatabase, TestGateway } from '../testing/gateway.client';

const ADMIN_TOKEN = 'the-token-to-make-the-first-key-with';
const ENV = { AUTH_MODE: 'key', INGEST_AUTH_MODE: 'key', ADMIN_TOKEN, KEYS_POLL: '30s' };
const EVENT = { event_id: 'e', event_type: 'order.placed', payload: {} };
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

let database: GatewayDatabase;
let gateway: TestGateway;
let another: TestGateway;

beforeAll(async () => {
  database = await gatewayDatabase();
  const messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name } of [TOPICS.audit, TOPICS.keysChanged, TOPICS.keysUsed])
    await messaging.ensureTopic(name, { partitions: 1 });
  await messaging.ensureGroup(GROUPS.gatewayKeyUses.topic, GROUPS.gatewayKeyUses.group);
  await messaging.close();
  gateway = await TestGateway.start(ENV, { database });
  // A second instance: it knows of keys by files and messages only.
  another = await TestGateway.start(ENV, { database, lake: gateway.lake });
});
afterAll(async () => {
  await another.stop();
  await gateway.stop();
  await database.drop();
});
beforeEach(() => gateway.clear());

const make = async (body: object, by = ADMIN_TOKEN) => {
  const answer = await gateway.postJson('/v1/api-keys', { name: 'spec', ...body }, bearer(by));
  expect(answer.status).toBe(201);
  return answer.json as { id: string; key: string; tenant: string };
};
const revoke = (id: string, by = ADMIN_TOKEN, query = '') =>
  gateway.request('DELETE', `/v1/api-keys/${id}${query}`, { headers: bearer(by) });
const list = (by: string, query = '') => gateway.request('GET', `/v1/api-keys${query}`, { headers: bearer(by) });
const send = (to: TestGateway, key: string) => to.postJson('/v1/events', EVENT, bearer(key));

it('makes a key that works at once here, and elsewhere as soon as it is heard of', async () => {
  const { key } = await make({ roles: ['ingest'] });
  expect(key).toMatch(/^mlr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/);
  expect((await send(gateway, key)).status).toBe(202);
  const began = Date.now();
  while ((await send(another, key)).status !== 202) {
    if (Date.now() - began > 10_000) throw new Error('the other instance did not hear of the key');
    await sleep(20);
  }
  expect((await gateway.items()).map(({ headers }) => headers['tenant'])).toEqual(['default', 'default']);
});

it('revokes a key everywhere', async () => {
  const { id, key } = await make({ roles: ['ingest'] });
  expect((await revoke(id)).status).toBe(204);
  expect((await send(gateway, key)).status).toBe(401);
  const began = Date.now();
  while ((await send(another, key)).status !== 401) {
    if (Date.now() - began > 10_000) throw new Error('the other instance did not hear of the revocation');
    await sleep(20);
  }
  expect((await revoke(id)).status).toBe(404);
});

it('shows a key once, and keeps neither it nor what it could be guessed from', async () => {
  const { id, key } = await make({ roles: ['viewer'] });
  const shown = await list(ADMIN_TOKEN);
  expect(shown.json.rows.map((row: { id: string }) => row.id)).toContain(id);
  const { rows } = await database.pool.query(
    `SELECT (SELECT json_agg(k) FROM ingest_gateway.api_key k)::text || (SELECT coalesce(json_agg(o), '[]') FROM ingest_gateway.outbox o)::text AS all`,
  );
  const storage = createFilesystemStorage({ root: gateway.lake });
  const version = Number((await database.pool.query('SELECT version FROM ingest_gateway.key_ring')).rows[0].version);
  const file = await storage.get(keyFilePath(version));
  for (const text of [shown.text, rows[0].all, file.toString()]) {
    expect(text).toContain(id);
    expect(text).not.toContain(key);
    expect(text).not.toContain(key.slice(17, 40));
  }
  expect(shown.text).not.toContain('hash');
});

it('no admin makes a revealer, but one who is one, of the same tenant', async () => {
  const as = async (by: string, body: object) =>
    (await gateway.postJson('/v1/api-keys', { name: 'spec', ...body }, bearer(by))).status;
  const revealer = { roles: ['revealer'] };
  const admin = await make({ roles: ['admin'] });
  expect(await as(admin.key, revealer)).toBe(403);
  expect(await as(admin.key, { roles: ['admin', 'revealer'] })).toBe(403);
  expect(await as(admin.key, { ...revealer, tenant: 'acme' })).toBe(403);
  expect(await as(admin.key, { roles: ['admin'] })).toBe(201);

  const both = await make({ roles: ['admin', 'revealer'] });
  expect(await as(both.key, revealer)).toBe(201);
  expect(await as(both.key, { ...revealer, tenant: 'acme' })).toBe(403);
  const alone = await make(revealer);
  expect(await as(alone.key, revealer)).toBe(403);
});

it('a key stops at its time', async () => {
  // A machine that stood still in between gets another try with more time.
  let key = '';
  let expiresMs = 0;
  for (let lifeMs = 1_500; Date.now() >= expiresMs; lifeMs *= 3) {
    const expiresAt = Date.now() + lifeMs;
    ({ key } = await make({ roles: ['ingest'], expiresAt: new Date(expiresAt).toISOString() }));
    const { status } = await send(gateway, key);
    if (Date.now() >= expiresAt) continue;
    expect(status).toBe(202);
    expiresMs = expiresAt;
    break;
  }
  await sleep(expiresMs - Date.now() + 50);
  const late = await send(gateway, key);
  expect([late.status, late.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('expired')]);
});

it('an admin of a tenant makes, sees and revokes keys of that tenant only', async () => {
  const a = await make({ roles: ['admin'], tenant: 'a' });
  const b = await make({ roles: ['admin'], tenant: 'b' });
  const ofA = await make({ roles: ['ingest'] }, a.key);
  expect(ofA.tenant).toBe('a');
  const ids = async (by: string) => (await list(by)).json.rows.map(({ id }: { id: string }) => id).sort();
  expect(await ids(a.key)).toEqual([a.id, ofA.id].sort());
  expect(await ids(b.key)).toEqual([b.id]);
  expect((await revoke(ofA.id, b.key)).status).toBe(404);
  for (const answer of [
    await list(b.key, '?tenant=a'),
    await revoke(ofA.id, b.key, '?tenant=a'),
    await gateway.postJson('/v1/api-keys', { name: 'x', roles: ['admin'], tenant: 'default' }, bearer(b.key)),
  ]) {
    expect(answer.status).toBe(403);
  }
  expect((await send(gateway, ofA.key)).status).toBe(202);
  expect((await gateway.items())[0].headers['tenant']).toBe('a');
});

it('keys without the role are told so', async () => {
  for (const role of ['ingest', 'viewer', 'operator', 'device-admin']) {
    const { key } = await make({ roles: [role] });
    expect([role, (await list(key)).status]).toEqual([role, 403]);
  }
  const viewer = await make({ roles: ['viewer'] });
  const answer = await send(gateway, viewer.key);
  expect([answer.status, answer.json.detail]).toEqual([403, 'This takes the role ingest.']);
});

it.each([
  [{ roles: [] }, '$.roles'],
  [{ roles: ['root'] }, '$.roles'],
  [{ roles: ['viewer', 'viewer'] }, '$.roles'],
  [{ roles: ['viewer'], name: '' }, '$.name'],
  [{ roles: ['viewer'], expiresAt: 'tomorrow' }, '$.expiresAt'],
  [{ roles: ['viewer'], expiresAt: '2001-01-01T00:00:00Z' }, '$.expiresAt'],
  [{ roles: ['viewer'], tenant: '../x' }, 'tenant'],
  [{ roles: ['viewer'], hash: 'x' }, '$.hash'],
])('refuses %j', async (body, path) => {
  const answer = await gateway.postJson('/v1/api-keys', { name: 'spec', ...body }, bearer(ADMIN_TOKEN));
  expect([answer.status, answer.json.errors[0].path]).toEqual([400, path]);
});

it('tells the audit, in the transaction of the change', async () => {
  const { id } = await make({ roles: ['viewer'], tenant: 'audited' });
  await revoke(id, ADMIN_TOKEN, '?tenant=audited');
  const began = Date.now();
  let told: { action: string }[] = [];
  while (told.length < 2) {
    if (Date.now() - began > 10_000) throw new Error('the audit was not told');
    await sleep(20);
    told = await auditOf(`key:${id}`);
  }
  expect(told).toEqual([
    expect.objectContaining({ action: 'api_key.created', actor: 'admin-token', tenant: 'audited' }),
    expect.objectContaining({ action: 'api_key.revoked', actor: 'admin-token', tenant: 'audited' }),
  ]);
});

it('a change that never committed is not there, and does not stand in the way of the next', async () => {
  const storage = createFilesystemStorage({ root: gateway.lake });
  const version = async () =>
    Number((await database.pool.query('SELECT version FROM ingest_gateway.key_ring')).rows[0].version);
  const before = await version();
  // What a crash between the file and the commit leaves behind.
  await storage.createIfAbsent(keyFilePath(before + 1), Buffer.from(JSON.stringify({ version: before + 1, keys: [] })));
  const { id, key } = await make({ roles: ['ingest'] });
  expect(await version()).toBe(before + 2);
  const file = decodeKeyFile(await storage.get(keyFilePath(before + 2)));
  expect(file.keys.map((entry) => entry.id)).toContain(id);
  expect((await send(gateway, key)).status).toBe(202);
});

async function auditOf(subject: string) {
  const { rows } = await database.pool.query<{ body: Buffer }>(
    `SELECT body FROM log.batch b JOIN log.topic t ON t.id = b.topic WHERE t.name = 'audit' ORDER BY base`,
  );
  return rows
    .flatMap(({ body }) => decodeFrame(body).records.map(({ value }) => JSON.parse(value.toString())))
    .filter((record) => record.subject === subject);
}
