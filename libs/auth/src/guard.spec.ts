import type { Authenticator } from './authenticator';
import type { GuardedRequest } from './credentials';
import { createGuard } from './guard';
import { access } from './policy';
import { LOCAL_PRINCIPAL, principal, type Principal, type PrincipalKind, type Role, TASK_PRINCIPAL } from './principal';
import { Refusal } from './refusal';
import { type AccessSettings, OPEN } from './settings';

const AUTH: AccessSettings = { ...OPEN, people: ['key'], ingest: ['token', 'key'], task: ['token'] };
const from = (found: Principal | null): Pick<Authenticator, 'authenticate' | 'authenticateTask'> => ({
  authenticate: () => found,
  authenticateTask: () => TASK_PRINCIPAL,
});
const request = (headers: Record<string, string> = {}): GuardedRequest => ({
  method: 'GET',
  headers: { host: 'localhost:8080', ...headers },
  rawHeaders: Object.entries({ host: 'localhost:8080', ...headers }).flat(),
});
const of = (role: Role, kind: PrincipalKind = 'key', tenant = 'default') => principal(kind, 's', tenant, [role]);
const verdict = (policy: ReturnType<typeof access>, found: Principal | null, settings = AUTH, sent = request()) => {
  const told = createGuard(policy, settings, from(found))(sent);
  return told instanceof Refusal ? told.status : told;
};

describe('a role', () => {
  const ALLOWED: Record<Role, readonly Role[]> = {
    ingest: ['ingest', 'admin'],
    viewer: ['viewer', 'operator', 'admin'],
    operator: ['operator', 'admin'],
    admin: ['admin'],
    'device-admin': ['device-admin', 'admin'],
    revealer: ['revealer'],
  };
  const roles = Object.keys(ALLOWED) as Role[];
  it.each(roles.flatMap((asked) => roles.map((has) => [asked, has] as const)))('%s asked of %s', (asked, has) => {
    const expected = ALLOWED[asked].includes(has) ? of(has) : 403;
    expect(verdict(access(asked), of(has))).toEqual(expected);
  });
});

it('what is of the deployment is for its home tenant only', () => {
  expect(verdict(access('viewer', { deployment: true }), of('admin', 'key', 'acme'))).toBe(403);
  expect(verdict(access('viewer', { deployment: true }), of('viewer'))).toEqual(of('viewer'));
});

it('a kind of credential counts where it was configured to', () => {
  expect(verdict(access('ingest'), of('ingest', 'token'))).toEqual(of('ingest', 'token'));
  expect(verdict(access('viewer'), of('viewer', 'token'))).toBe(401);
  expect(verdict(access('viewer'), of('viewer', 'jwt'))).toBe(401);
  expect(verdict(access('ingest'), of('ingest', 'jwt'))).toBe(401);
  expect(verdict(access('viewer'), of('admin', 'bootstrap'))).toEqual(of('admin', 'bootstrap'));
});

it('nobody is let in without a credential, but to public routes and where something else is checked', () => {
  expect(verdict(access('viewer'), null)).toBe(401);
  expect(verdict(access('ingest', { optional: true }), null)).toBeNull();
  expect(verdict(access('ingest', { optional: true }), of('viewer'))).toBe(403);
  expect(verdict(access('public'), null)).toBeNull();
});

it('the tasks port is let in to its own paths, and to those that say so', () => {
  const withToken = request({ 'x-task-token': 'x' });
  expect(verdict(access('task'), null)).toEqual(TASK_PRINCIPAL);
  expect(verdict(access('operator', { orTask: true }), null, AUTH, withToken)).toEqual(TASK_PRINCIPAL);
  expect(verdict(access('operator', { orTask: true }), null)).toBe(401);
  expect(verdict(access('operator'), null, AUTH, withToken)).toBe(401);
});

describe('without authentication', () => {
  it.each(['viewer', 'ingest', 'admin', 'task'] as const)(
    'whoever is on this machine may call what asks for %s',
    (who) => {
      expect(verdict(access(who), null, OPEN)).toBe(LOCAL_PRINCIPAL);
    },
  );

  it('only what is not configured is open', () => {
    const producersOnly = { ...OPEN, ingest: ['token'] as const };
    expect(verdict(access('ingest'), null, producersOnly)).toBe(401);
    expect(verdict(access('viewer'), null, producersOnly)).toBe(LOCAL_PRINCIPAL);
  });

  it.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST:1',
    '127.0.0.1:8080',
    '127.9.9.9',
    '[::1]:8080',
    'shop.localhost:80',
  ])('the name %s is this machine', (host) => {
    expect(verdict(access('viewer'), null, OPEN, request({ host }))).toBe(LOCAL_PRINCIPAL);
  });

  it.each([
    'evil.example.com',
    'evil.example.com:8080',
    'localhost.evil.com',
    '127.0.0.1.evil.com',
    '127.0.0.1@evil.com',
    '10.0.0.1',
    '0.0.0.0',
    '[::]:80',
    'localhost:80:80',
    '',
  ])('the name %j, which DNS may have pointed here, is refused', (host) => {
    expect(verdict(access('viewer'), null, OPEN, request({ host }))).toBe(421);
    // Also behind a request that was let in.
    expect(verdict(access('viewer'), null, OPEN, request({ host: 'localhost' }))).toBe(LOCAL_PRINCIPAL);
    expect(verdict(access('viewer'), null, OPEN, request({ host }))).toBe(421);
  });

  it.each([
    'https://evil.example.com',
    'null',
    'http://localhost.evil.com',
    'http://127.0.0.1@evil.com',
    'file://',
    '',
  ])('a page of %j is refused', (origin) => {
    expect(verdict(access('ingest'), null, OPEN, request({ origin }))).toBe(403);
  });

  it.each(['http://localhost:3000', 'http://127.0.0.1:8080', 'https://[::1]'])(
    'a page of %s is of this machine',
    (origin) => {
      expect(verdict(access('ingest'), null, OPEN, request({ origin }))).toBe(LOCAL_PRINCIPAL);
    },
  );

  it('what a proxy passes on from elsewhere is refused', () => {
    const passed = (value: string) => verdict(access('viewer'), null, OPEN, request({ 'x-forwarded-for': value }));
    expect([passed('10.1.2.3'), passed('127.0.0.1, 10.1.2.3'), passed('10.1.2.3, 127.0.0.1'), passed('')]).toEqual([
      403, 403, 403, 403,
    ]);
    expect([passed('127.0.0.1'), passed('::1'), passed('::ffff:127.0.0.1')]).toEqual(Array(3).fill(LOCAL_PRINCIPAL));
    expect(verdict(access('viewer'), null, OPEN, request({ forwarded: 'for=127.0.0.1' }))).toBe(403);
  });
});

it.each([
  'authorization',
  'Authorization',
  'AUTHORIZATION',
  'x-api-key',
  'X-Task-Token',
  'Host',
  'x-goog-iap-jwt-assertion',
])('a header that names somebody comes once: %s', (name) => {
  const twice: GuardedRequest = {
    method: 'GET',
    headers: {},
    rawHeaders: ['accept', '*/*', name.toLowerCase(), 'a', 'x-other', 'y', name, 'b'],
  };
  for (const settings of [AUTH, OPEN]) {
    expect(verdict(access('viewer'), of('admin'), settings, twice)).toBe(400);
    expect(verdict(access('ingest', { optional: true }), of('admin'), settings, twice)).toBe(400);
  }
});
