import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { fencedBlocks } from '../docs/markdown';
import { matchShown } from '../docs/shown';
import { operationsOf } from '@millrace/service/fuzzing';
import { attacksOn, standing } from './attack';
import { type Answer, soon, startWhole, type Whole } from '../start/fixtures/whole';
import { SERVICES, WORKSPACE_ROOT } from '../start/services';

// The whole of Millrace with authentication, and two tenants that send the same events under the same ids and keys.

const ADMIN_TOKEN = 'the-token-to-make-the-first-keys-with';
const TASK_TOKEN = 'the-token-of-the-tasks-port-in-this-test';
const SECRETS = { ADMIN_TOKEN, TASK_TOKEN, INGEST_TOKEN: 'the-token-of-the-producers-in-this-test' };
const TENANTS = ['acme', 'bolt'] as const;
type Tenant = (typeof TENANTS)[number];
const SHIPMENT_LINES = 200;
/** Ids of the other tenant that each write is tried with. */
const ATTACKED_IDS_MAX = 8;

interface Operation {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly security: readonly object[];
  readonly role?: string;
  readonly deployment?: boolean;
}
let whole: Whole;
const keys: Partial<Record<Tenant, string>> = {};
let operations: Operation[];

beforeAll(async () => {
  whole = await startWhole({
    name: 'tenants',
    env: {
      ...{ LOG_LEVEL: 'debug', ...SECRETS, AUTH_MODE: 'key', INGEST_AUTH_MODE: 'token,key' },
      ...{ TASK_AUTH_MODE: 'token', KEYS_POLL: '500ms' },
    },
  });
  for (const tenant of TENANTS) {
    const made = await call('POST', '/v1/api-keys', ADMIN_TOKEN, { name: 'spec', roles: ['admin'], tenant });
    expect(made.status).toBe(201);
    keys[tenant] = made.json.key;
  }
  operations = await allOperations();
  for (const tenant of TENANTS) await send(tenant);
  for (const tenant of TENANTS) await settled(tenant);
}, 120_000);
afterAll(() => whole?.stop(), 60_000);

const call = (method: string, target: string, secret: string | null, body?: unknown, headers = {}): Promise<Answer> =>
  whole.call(method, target, body, { ...(secret !== null && { authorization: `Bearer ${secret}` }), ...headers });

async function allOperations(): Promise<Operation[]> {
  const found: Operation[] = [];
  for (const { name } of SERVICES) {
    const { paths } = (await call('GET', `/${name}/openapi.json`, null)).json;
    for (const [template, item] of Object.entries<Record<string, Record<string, never>>>(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const { security, 'x-role': role, 'x-deployment': deployment } = operation;
        found.push({ service: name, method: method.toUpperCase(), path: template, security, role, deployment });
      }
    }
  }
  return found;
}

const shipments = gunzipSync(fs.readFileSync(path.join(WORKSPACE_ROOT, 'demo', 'shipments', 'events.jsonl.gz')))
  .toString('utf8')
  .split('\n')
  .slice(0, SHIPMENT_LINES)
  .join('\n');

/** What every tenant sends: the same but for a marker, which no other tenant may ever see. */
async function send(tenant: Tenant): Promise<void> {
  const key = keys[tenant] as string;
  const marker = `marker-of-${tenant}`;
  const order = { event_id: 'order-1', event_type: 'order.placed', source: 'shop', payload: { marker } };
  // The producer's own word for whose it is counts for nothing.
  const claimed = { event_id: `only-${tenant}`, event_type: 'order.placed', tenant_id: 'default', payload: { marker } };
  const broken = { event_id: `broken-${tenant}`, event_type: 'shipment.status.changed', payload: { marker } };
  expect((await call('POST', '/v1/events', key, [order, claimed, broken])).status).toBe(202);
  const ndjson = { 'content-type': 'application/x-ndjson' };
  expect((await call('POST', '/v1/events', key, shipments, ndjson)).status).toBe(202);
  const once = await call('POST', '/events', key, { eventType: 'a', payload: { marker } }, { 'idempotency-key': 'k' });
  expect([once.status, once.headers.get('idempotency-replayed')]).toEqual([201, null]);
}

/** Until all that a tenant sent has a fate, and its marts are rebuilt. */
async function settled(tenant: Tenant): Promise<void> {
  await soon(async () => {
    const { json } = await call('GET', '/v1/conservation', keys[tenant] as string);
    const { rows } = (await call('GET', '/v1/shipments/daily', keys[tenant] as string)).json;
    return json.totals?.pending === 0 && json.totals.received > 0 && rows?.length > 0;
  }, `what ${tenant} sent has its fate and is in its marts`);
}

const filled = ({ service, path: template }: Operation, id: string): string =>
  `/${service}${template.replace(/\{[^}]+\}/g, encodeURIComponent(id))}`;
const deploymentOnly = (service: string, method: string, at: string): boolean =>
  operations.some((each) => each.service === service && each.method === method && each.path === at && each.deployment);
const isPublic = ({ security }: Operation): boolean => security.length === 0;

it('every operation of every service says who may call it, and asks', async () => {
  expect(new Set(operations.map(({ service }) => service))).toEqual(new Set(SERVICES.map(({ name }) => name)));
  const wrong = ['a-wrong-credential', `mlr_${'x'.repeat(51)}`, 'a.b.c', TASK_TOKEN];
  for (const [n, operation] of operations.entries()) {
    const label = `${operation.method} ${filled(operation, 'x')}`;
    expect([label, Array.isArray(operation.security)]).toEqual([label, true]);
    if (isPublic(operation)) {
      expect(['/health', '/liveness', '/readiness']).toContain(operation.path);
      continue;
    }
    // Each kind of wrong credential is tried at every fourth operation.
    for (const secret of [null, wrong[n % wrong.length] as string]) {
      const { status, headers } = await call(
        operation.method,
        filled(operation, 'x'),
        secret,
        operation.method === 'GET' ? undefined : {},
      );
      expect([label, secret, status]).toEqual([label, secret, 401]);
      expect(headers.get('www-authenticate')).toContain('Bearer realm="millrace"');
    }
  }
}, 60_000);

it('no operation shows one tenant anything of another', async () => {
  const ids = TENANTS.flatMap((tenant) => ['order-1', `only-${tenant}`, `broken-${tenant}`]);
  const seen = new Map<Tenant, string>();
  for (const tenant of TENANTS) {
    const others = TENANTS.filter((other) => other !== tenant);
    let all = '';
    for (const operation of operations.filter(({ method, deployment }) => method === 'GET' && !deployment)) {
      for (const id of operation.path.includes('{') ? ids : ['']) {
        const { text, status } = await call('GET', filled(operation, id), keys[tenant] as string);
        expect([operation.path, status < 500]).toEqual([operation.path, true]);
        for (const other of others) {
          const shown = text.replaceAll(`only-${other}`, '').replaceAll(`broken-${other}`, '');
          expect([operation.path, id, shown.includes(other)]).toEqual([operation.path, id, false]);
        }
        all += text;
      }
    }
    seen.set(tenant, all);
  }
  // The markers were there to be seen: each tenant did see its own.
  for (const tenant of TENANTS) expect(seen.get(tenant)).toContain(`marker-of-${tenant}`);
}, 60_000);

it('each finds its own event under an id that both have, and nothing under the other’s', async () => {
  for (const tenant of TENANTS) {
    const own = await call('GET', '/v1/events/order-1/trace', keys[tenant] as string);
    expect(own.json).toMatchObject({ status: 'LANDED', event: { payload: { marker: `marker-of-${tenant}` } } });
    expect(own.json.receipts).toHaveLength(1);
    expect(own.json.receipts[0]).toMatchObject({ fate: 'landed', tenant });
    for (const other of TENANTS.filter((each) => each !== tenant)) {
      expect((await call('GET', `/v1/events/only-${other}/trace`, keys[tenant] as string)).status).toBe(404);
      expect((await call('GET', `/v1/events/broken-${other}/trace`, keys[tenant] as string)).status).toBe(404);
    }
    expect((await call('GET', '/v1/events/order-1/trace', ADMIN_TOKEN)).status).toBe(404);
  }
}, 60_000);

it('the same events of two tenants are no duplicates of each other, and add up in neither’s marts', async () => {
  const of = async (target: string) =>
    Promise.all(TENANTS.map(async (tenant) => call('GET', target, keys[tenant] as string)));
  for (const target of ['/v1/shipments/daily', '/v1/on-time-performance?group_by=service_date', '/v1/exceptions']) {
    const [a, b] = await of(target);
    expect(a?.json).toEqual(b?.json);
    // Equal answers, yet not one answer: whoever has the one is not told that nothing changed.
    expect(a?.headers.get('etag')).not.toBe(b?.headers.get('etag'));
  }
  const [daily] = await of('/v1/shipments/daily');
  const created = daily?.json.rows.reduce((sum: number, row: { created: number }) => sum + row.created, 0);
  // Some lines are damaged.
  const lines = shipments.split('\n').flatMap((line): { payload?: { shipment_id: string; status: string } }[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const known = new Set(
    lines.filter((line) => line?.payload?.status === 'created').map((line) => line.payload?.shipment_id),
  );
  expect(created).toBe(known.size);
  const [a, b] = await of('/v1/conservation');
  const { received, landed, duplicate, quarantined } = a?.json.totals ?? {};
  expect(b?.json.totals).toEqual(a?.json.totals);
  expect(received).toBe(SHIPMENT_LINES + 4);
  expect(landed + duplicate + quarantined).toBe(received);
  const home = await call('GET', '/v1/conservation', ADMIN_TOKEN);
  expect(home.json).toEqual({ totals: { received: 0, landed: 0, duplicate: 0, quarantined: 0, pending: 0 }, rows: [] });
}, 60_000);

it('what is of the deployment is not for admins of a tenant', async () => {
  const ofDeployment = operations.filter(({ deployment }) => deployment);
  expect(ofDeployment.map(({ path: template }) => template)).toEqual(
    expect.arrayContaining(['/metrics', '/v1/tables']),
  );
  for (const operation of ofDeployment) {
    for (const tenant of TENANTS) {
      const { status } = await call(
        operation.method,
        filled(operation, 'x'),
        keys[tenant] as string,
        operation.method === 'GET' ? undefined : {},
      );
      expect([operation.path, status]).toEqual([operation.path, 403]);
    }
  }
  expect((await call('GET', '/v1/tables', ADMIN_TOKEN)).status).toBe(200);
}, 60_000);

it('each sees its own audit', async () => {
  for (const tenant of TENANTS) {
    const rows: { action: string; tenant: string }[] = await soon(async () => {
      const found = (await call('GET', '/v1/audit', keys[tenant] as string)).json.rows;
      return found.length > 0 && found;
    }, 'the audit is told');
    expect(rows.map(({ action, tenant: of }) => [action, of])).toEqual([['api_key.created', tenant]]);
  }
}, 60_000);

it('no write of one tenant reaches what is another’s, whatever ids and names it gives', async () => {
  const marker = 'attack-by-acme';
  const [attacker, victim] = TENANTS;
  const reads = operations.filter(
    ({ method, deployment, path: at }) => method === 'GET' && !deployment && !at.includes('{'),
  );
  const seen = async (): Promise<{ standing: string[]; text: string }> => {
    const answers = await Promise.all(reads.map((each) => call('GET', filled(each, ''), keys[victim] as string)));
    const found = answers.flatMap(({ json }, i) => standing(json, reads[i]?.path));
    return { standing: found.sort(), text: answers.map(({ text }) => text).join('\n') };
  };
  const totals = async () => (await call('GET', '/v1/conservation', keys[victim] as string)).json.totals;
  const [before, counted] = [await seen(), await totals()];
  // Whatever looks like the name of a thing of the victim's.
  const ids = [...new Set(before.standing.map((each) => each.slice(each.indexOf('=') + 1)))].filter((id) =>
    /^[\w.:-]{1,100}$/.test(id),
  );
  expect(ids.length).toBeGreaterThan(3);
  const attacked = new Set<string>();
  for (const { name } of SERVICES) {
    const writes = operationsOf((await call('GET', `/${name}/openapi.json`, null)).json).filter(
      ({ method, path: at }) => !['GET', 'HEAD', 'OPTIONS'].includes(method) && !deploymentOnly(name, method, at),
    );
    for (const [n, write] of writes.entries()) {
      attacked.add(`${write.method} ${write.path}`);
      const chosen = ids.slice(0, ATTACKED_IDS_MAX);
      for (const { method, target, headers, body } of attacksOn(write, { tenant: victim, ids: chosen }, marker, n)) {
        const text = body.toString('latin1');
        const answer = await call(method, `/${name}${target}`, keys[attacker] as string, text, headers);
        expect([method, target, text.slice(0, 200), answer.status < 500 || answer.status === 503]).toEqual([
          ...[method, target, text.slice(0, 200), true],
        ]);
        expect([target, answer.text.includes(`marker-of-${victim}`)]).toEqual([target, false]);
      }
    }
  }
  expect([...attacked]).toEqual(expect.arrayContaining(['POST /v1/events', 'DELETE /v1/api-keys/{id}']));
  await settled(attacker);
  const after = await seen();
  expect(before.standing.filter((each) => !after.standing.includes(each))).toEqual([]);
  expect(after.text).not.toContain(marker);
  expect(await totals()).toEqual(counted);
  expect((await call('GET', '/v1/events/order-1/trace', keys[victim] as string)).json.status).toBe('LANDED');
}, 180_000);

it('a revoked key is refused by every service', async () => {
  const made = await call('POST', '/v1/api-keys', ADMIN_TOKEN, { name: 'gone', roles: ['admin'], tenant: 'acme' });
  const asked = SERVICES.map(({ name }) =>
    operations.find(({ service, method, role }) => service === name && method === 'GET' && role === 'viewer'),
  );
  const statuses = async () =>
    Promise.all(
      asked.map(async (operation) => (await call('GET', filled(operation as Operation, 'x'), made.json.key)).status),
    );
  const until = (holds: (status: number) => boolean) => soon(async () => (await statuses()).every(holds));
  await until((status) => status !== 401 && status !== 503);
  expect((await call('DELETE', `/v1/api-keys/${made.json.id}?tenant=acme`, ADMIN_TOKEN)).status).toBe(204);
  await until((status) => status === 401);
}, 130_000);

it('docs/security.md makes a key as it says, and names no variable that there is not', async () => {
  const page = fs.readFileSync(path.join(WORKSPACE_ROOT, 'docs', 'security.md'), 'utf8');
  const [, curl] = fencedBlocks(page).filter(({ language }) => language === 'sh');
  const [shown] = fencedBlocks(page).filter(({ language }) => language === 'json');
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-c', String(curl?.text).replace('http://127.0.0.1:8080', whole.millrace.url)],
    {
      env: { PATH: process.env['PATH'], ADMIN_TOKEN },
    },
  );
  expect(matchShown(String(shown?.text), JSON.parse(stdout))).toEqual([]);
  const { key } = JSON.parse(stdout) as { key: string };
  expect(new RegExp(`^${/`(mlr_\[.*?)`/.exec(page)?.[1]}$`).test(key)).toBe(true);
  const reference = SERVICES.map(({ name }) =>
    fs.readFileSync(path.join(WORKSPACE_ROOT, 'apps', name, 'config', 'reference.env'), 'utf8'),
  ).join('\n');
  const named = new Set(page.match(/\b[A-Z]+(_[A-Z]+)+\b/g));
  expect(named.size).toBeGreaterThan(10);
  for (const name of named)
    expect([name, name === 'FRONT_DOOR_HOST' || reference.includes(`${name}=`)]).toEqual([name, true]);
});

it('no credential is in any line of any log', () => {
  expect(whole.log.length).toBeGreaterThan(100);
  const text = whole.log.join('\n');
  for (const secret of [...Object.values(SECRETS), ...Object.values(keys)]) expect(text.includes(secret)).toBe(false);
});
