import crypto, { randomBytes } from 'node:crypto';
import { exportSPKI, importJWK, type KeyLike, SignJWT, UnsecuredJWT } from 'jose';
import { Authenticator } from './authenticator';
import type { GuardedRequest } from './credentials';
import type { Principal } from './principal';
import { Refusal } from './refusal';
import { type AccessSettings, OPEN } from './settings';
import { Issuer, type SigningKey, signingKey } from './testing';

const ISSUER = 'https://id.example.com';
const GOOGLE = 'https://accounts.google.com';
const NOW = 1_800_000_000_000;
let keys: SigningKey[];
let es256: SigningKey;

beforeAll(async () => {
  keys = await Promise.all(['k1', 'k2', 'k3'].map((kid) => signingKey(kid)));
  es256 = await signingKey('e1', 'ES256');
});

function setUp(more: Partial<AccessSettings> = {}) {
  const issuer = new Issuer(ISSUER, [keys[0], keys[1]]);
  const state = { nowMs: NOW, monotonicMs: 0 };
  const settings: AccessSettings = {
    ...OPEN,
    people: ['key', 'jwt'],
    ingest: ['token', 'jwt'],
    adminToken: 'the-admin-token-of-this-test',
    ingestTokens: ['the-first-ingest-token', 'the-second-ingest-token'],
    jwt: {
      ...{ issuer: ISSUER, audiences: ['millrace'], jwksUrl: 'https://id.example.com/keys' },
      ...{ algorithms: ['RS256', 'ES256'], rolesClaim: 'realm_access.roles', tenantClaim: 'tenant' },
    },
    ...more,
  };
  const authenticator = new Authenticator({
    settings,
    keys: { verify: () => new Refusal(401, 'unknown', 'no keys here') },
    now: () => state.nowMs,
    monotonicMs: () => state.monotonicMs,
    fetchJson: issuer.fetchJson,
  });
  return { issuer, state, authenticator };
}

const request = (headers: Record<string, string>, method = 'GET'): GuardedRequest => ({
  method,
  headers,
  rawHeaders: [],
});
const bearer = (token: string) => request({ authorization: `Bearer ${token}` });
const CLAIMS = { tenant: 'acme', realm_access: { roles: ['operator', 'unknown-role'] } };
const told = async (found: unknown) => {
  const verdict = await found;
  return verdict instanceof Refusal ? [verdict.status, verdict.rule] : verdict;
};

describe('a JWT', () => {
  it('is whom it names: subject, tenant and roles from its claims', async () => {
    const { authenticator, issuer } = setUp();
    expect(await authenticator.authenticate(bearer(await issuer.sign(NOW, CLAIMS)), false)).toEqual({
      ...{ kind: 'jwt', subject: 'ada', tenant: 'acme', roles: ['viewer', 'operator'] },
    });
  });

  it('is verified once, and then known at once until it expires or a minute has passed', async () => {
    const { authenticator, issuer, state } = setUp();
    const token = await issuer.sign(NOW, { ...CLAIMS, exp: NOW / 1000 + 20 });
    expect(authenticator.authenticate(bearer(token), false)).toBeInstanceOf(Promise);
    await authenticator.authenticate(bearer(token), false);
    expect(authenticator.authenticate(bearer(token), false)).toMatchObject({ subject: 'ada' });
    // Twenty seconds, and thirty that clocks may differ by.
    state.nowMs = NOW + 50_001;
    expect(await told(authenticator.authenticate(bearer(token), false))).toEqual([401, 'expired']);
  });

  const claims = (more: object) => (issuer: Issuer) => issuer.sign(NOW, { ...CLAIMS, ...more });
  it.each<[string, (issuer: Issuer) => Promise<string>, string]>([
    ['expired', claims({ exp: NOW / 1000 - 31 }), 'expired'],
    ['not yet valid', claims({ nbf: NOW / 1000 + 31 }), 'claims'],
    ['without an end', claims({ exp: undefined }), 'claims'],
    ['without a subject', claims({ sub: undefined }), 'claims'],
    ['for somebody else', claims({ aud: 'another' }), 'claims'],
    ['for nobody', claims({ aud: undefined }), 'claims'],
    ['of another issuer', claims({ iss: 'https://evil.example.com' }), 'claims'],
    ['of the issuer with a slash more', claims({ iss: `${ISSUER}/` }), 'claims'],
    ['without a tenant', claims({ tenant: undefined }), 'claims'],
    ['with a tenant that is a path', claims({ tenant: '../default' }), 'claims'],
    ['with a list of tenants', claims({ tenant: ['acme', 'default'] }), 'claims'],
    ['with control characters in its subject', claims({ sub: 'a\nb' }), 'claims'],
    ['signed by another key under a known id', async (i) => i.sign(NOW, CLAIMS, { kid: 'k1' }, keys[2]), 'signature'],
    ['whose payload was changed', async (i) => tampered(await i.sign(NOW, CLAIMS)), 'signature'],
    ['with a critical extension', (i) => i.sign(NOW, CLAIMS, { crit: ['x-own'], 'x-own': 1 }), 'signature'],
    [
      'with an algorithm that is not allowed',
      (i) => i.sign(NOW, CLAIMS, {}, { ...keys[0], alg: 'PS256' }),
      'signature',
    ],
    [
      'unsigned',
      async () =>
        new UnsecuredJWT({ ...CLAIMS, iss: ISSUER, aud: 'millrace', sub: 'ada' }).setExpirationTime('1h').encode(),
      'signature',
    ],
    ['of garbage', async () => 'a.b.c', 'unknown'],
  ])('%s is refused', async (_, make, rule) => {
    const { authenticator, issuer } = setUp();
    const verdict = await told(authenticator.authenticate(bearer(await make(issuer)), false));
    expect(verdict).toEqual([401, rule]);
  });

  it.each(['HS256', 'HS384', 'HS512'])(
    "signed by %s with the issuer's public key as the secret is refused",
    async (alg) => {
      const { authenticator, issuer } = setUp();
      const publicKey = (await importJWK(keys[0].publicJwk, 'RS256')) as KeyLike;
      const payload = { ...CLAIMS, iss: ISSUER, aud: 'millrace', sub: 'ada', exp: NOW / 1000 + 60 };
      for (const secret of [await exportSPKI(publicKey), JSON.stringify(keys[0].publicJwk)]) {
        const token = await new SignJWT(payload)
          .setProtectedHeader({ alg, kid: 'k1' })
          .sign(Buffer.from(secret.padEnd(64)));
        expect(await told(authenticator.authenticate(bearer(token), false))).toEqual([401, 'signature']);
      }
      expect(issuer.fetches).toBeLessThanOrEqual(1);
    },
  );

  it('names no key that is not in the document of its issuer: jku, jwk and x5u of a token are not looked at', async () => {
    const { authenticator, issuer } = setUp();
    const header = {
      kid: 'own',
      jku: 'https://evil.example.com/keys',
      jwk: keys[2].publicJwk,
      x5u: 'https://evil.example.com',
    };
    const token = await issuer.sign(NOW, CLAIMS, header, keys[2]);
    expect(await told(authenticator.authenticate(bearer(token), false))).toEqual([401, 'signature']);
  });

  it('of a tenant or role that a claim inherits is of none', async () => {
    const { authenticator, issuer } = setUp({
      jwt: { ...setUpJwt(), rolesClaim: 'constructor.name', tenantClaim: '__proto__.x' },
    });
    expect(await told(authenticator.authenticate(bearer(await issuer.sign(NOW, CLAIMS)), false))).toEqual([
      401,
      'claims',
    ]);
  });
});

describe('keys of an issuer', () => {
  it('a flood of unknown key ids costs the issuer one fetch in half a minute, and others are served meanwhile', async () => {
    const { authenticator, issuer, state } = setUp();
    await authenticator.authenticate(bearer(await issuer.sign(NOW, CLAIMS)), false);
    expect(issuer.fetches).toBe(1);
    const flood = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        issuer.sign(NOW, { ...CLAIMS, jti: `${i}` }, { kid: `unknown-${i}` }, keys[2]),
      ),
    );
    const refuse = async () => {
      for (const token of flood) {
        expect(await told(authenticator.authenticate(bearer(token), false))).toEqual([401, 'signature']);
      }
    };
    await refuse();
    expect(issuer.fetches).toBe(1);
    state.monotonicMs = 30_000;
    await refuse();
    expect(issuer.fetches).toBe(2);
    expect(
      await authenticator.authenticate(bearer(await issuer.sign(NOW, { ...CLAIMS, sub: 'ben' })), false),
    ).toMatchObject({ subject: 'ben' });
    expect(issuer.fetches).toBe(2);
  });

  it('a new key is learned of by its id, and a withdrawn one forgotten', async () => {
    const { authenticator, issuer, state } = setUp();
    const old = await issuer.sign(NOW, CLAIMS);
    await authenticator.authenticate(bearer(old), false);
    issuer.keys = [keys[2]];
    state.monotonicMs = 30_000;
    const fresh = await issuer.sign(NOW, { ...CLAIMS, sub: 'new' });
    expect(await authenticator.authenticate(bearer(fresh), false)).toMatchObject({ subject: 'new' });
    // Verified tokens are known for a minute.
    state.nowMs = NOW + 60_000;
    expect(await told(authenticator.authenticate(bearer(old), false))).toEqual([401, 'signature']);
  });

  it('an issuer that is away makes no token valid and none invalid, and is asked once in half a minute', async () => {
    const { authenticator, issuer, state } = setUp();
    issuer.away = true;
    const token = await issuer.sign(NOW, CLAIMS);
    for (let i = 0; i < 5; i++) {
      expect(await told(authenticator.authenticate(bearer(token), false))).toEqual([503, 'unavailable']);
    }
    expect(issuer.fetches).toBe(1);
    issuer.away = false;
    state.monotonicMs = 30_000;
    expect(await authenticator.authenticate(bearer(token), false)).toMatchObject({ subject: 'ada' });
  });

  it('concurrent first tokens share a fetch, and only so many are verified at once', async () => {
    const { authenticator, issuer } = setUp();
    const tokens = await Promise.all(
      Array.from({ length: 80 }, (_, i) => issuer.sign(NOW, { ...CLAIMS, jti: `${i}` })),
    );
    const verdicts = await Promise.all(tokens.map((token) => told(authenticator.authenticate(bearer(token), false))));
    expect(issuer.fetches).toBe(1);
    expect(verdicts.filter((verdict) => Array.isArray(verdict) && verdict[0] === 503)).toHaveLength(80 - 64);
  });
});

describe('a static token', () => {
  it.each([
    ['the-admin-token-of-this-test', 'bootstrap', 'admin'],
    ['the-first-ingest-token', 'token', 'ingest'],
    ['the-second-ingest-token', 'token', 'ingest'],
  ])('%s is %s', (token, kind, role) => {
    const { authenticator } = setUp();
    for (const sent of [
      request({ authorization: `Bearer ${token}` }),
      request({ authorization: `bearer  ${token}` }),
      request({ 'x-api-key': token }),
    ]) {
      const found = authenticator.authenticate(sent, false);
      expect(found).toMatchObject({ kind, roles: expect.arrayContaining([role]) });
    }
  });

  it('may come as the user of Basic where that is taken', () => {
    const { authenticator } = setUp();
    const basic = (text: string) => request({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect(authenticator.authenticate(basic('the-first-ingest-token:'), true)).toMatchObject({ kind: 'token' });
    expect(authenticator.authenticate(basic(':the-first-ingest-token'), true)).toMatchObject({ kind: 'token' });
    for (const [text, taken] of [
      ['the-first-ingest-token:x', true],
      ['the-first-ingest-token', true],
      ['the-first-ingest-token:', false],
    ] as const) {
      expect(authenticator.authenticate(basic(text), taken)).toMatchObject({ status: 401, rule: 'malformed' });
    }
  });

  it('is compared by digests, in constant time, with every secret there is', () => {
    const { authenticator } = setUp();
    const compare = jest.spyOn(crypto, 'timingSafeEqual');
    try {
      for (const wrong of ['t', 'the-first-ingest-toke', 'the-first-ingest-tokeX', 'x'.repeat(500)]) {
        compare.mockClear();
        expect(authenticator.authenticate(bearer(wrong), false)).toBeInstanceOf(Refusal);
        expect(compare).toHaveBeenCalledTimes(3);
        for (const [a, b] of compare.mock.calls) expect([a.byteLength, b.byteLength]).toEqual([32, 32]);
      }
    } finally {
      compare.mockRestore();
    }
  });

  it.each([
    ['an empty one', ''],
    ['one that is too long', 'x'.repeat(8_193)],
    ['one of 16 KB that looks like a JWT', `${'a'.repeat(8_000)}.${'b'.repeat(8_000)}.c`],
  ])('%s is refused before anything is done with it', (_, token) => {
    const { authenticator, issuer } = setUp();
    expect(authenticator.authenticate(bearer(token), false)).toMatchObject({ status: 401, rule: 'malformed' });
    expect(issuer.fetches).toBe(0);
  });

  it('two credentials are none', () => {
    const { authenticator } = setUp();
    const both = request({
      authorization: 'Bearer the-first-ingest-token',
      'x-api-key': 'the-admin-token-of-this-test',
    });
    expect(authenticator.authenticate(both, false)).toMatchObject({ status: 400, rule: 'ambiguous' });
  });

  it('what was sent is in no refusal', async () => {
    const { authenticator, issuer } = setUp();
    const secret = randomBytes(20).toString('hex');
    const jwt = await issuer.sign(NOW, { aud: secret, iss: secret });
    for (const token of [secret, `mlr_${secret}`, jwt, `${secret}.${secret}.${secret}`]) {
      expect(JSON.stringify(await authenticator.authenticate(bearer(token), false))).not.toContain(secret);
    }
    expect(
      JSON.stringify(await authenticator.authenticate(request({ authorization: `${secret} x` }), true)),
    ).not.toContain(secret);
  });
});

describe('a service account', () => {
  const oidc = {
    ...{ issuer: GOOGLE, audiences: ['https://ingest.example.com'], jwksUrl: 'https://www.googleapis.com/certs' },
    serviceAccounts: ['push@project.iam.gserviceaccount.com'],
  };
  const settings: Partial<AccessSettings> = {
    ingest: ['oidc'],
    task: ['oidc', 'token'],
    taskTokens: ['the-task-token-of-this-test'],
    oidc,
  };
  const good = { iss: GOOGLE, aud: oidc.audiences[0], sub: '1', email: oidc.serviceAccounts[0], email_verified: true };

  it('on the list sends events, under either name of the issuer', async () => {
    const { authenticator, issuer } = setUp(settings);
    for (const iss of [GOOGLE, 'accounts.google.com']) {
      expect(await authenticator.authenticate(bearer(await issuer.sign(NOW, { ...good, iss })), true)).toEqual({
        ...{ kind: 'service', subject: good.email, tenant: 'default', roles: ['ingest'] },
      });
    }
  });

  it.each([
    ['of another audience', { aud: 'https://other.example.com' }, [401, 'claims']],
    ['whose address is not verified', { email_verified: false }, [401, 'claims']],
    ['whose address is verified in words only', { email_verified: 'true' }, [401, 'claims']],
    ['without an address', { email: undefined }, [401, 'claims']],
    ['that is not on the list', { email: 'other@project.iam.gserviceaccount.com' }, [403, 'forbidden']],
  ])('%s is refused', async (_, more, refusal) => {
    const { authenticator, issuer } = setUp(settings);
    const sent = bearer(await issuer.sign(NOW, { ...good, ...more }));
    expect(await told(authenticator.authenticate(sent, true))).toEqual(refusal);
    expect(await told(authenticator.authenticateTask(sent))).toEqual(refusal);
  });

  it('calls back as the tasks port, as does whoever has the task token', async () => {
    const { authenticator, issuer } = setUp(settings);
    expect(await authenticator.authenticateTask(bearer(await issuer.sign(NOW, good)))).toMatchObject({ kind: 'task' });
    expect(authenticator.authenticateTask(request({ 'x-task-token': 'the-task-token-of-this-test' }))).toMatchObject({
      kind: 'task',
    });
    expect(await told(authenticator.authenticateTask(request({ 'x-task-token': 'another' })))).toEqual([
      401,
      'unknown',
    ]);
    expect(await told(authenticator.authenticateTask(bearer('the-task-token-of-this-test')))).toEqual([
      401,
      'signature',
    ]);
    expect(await told(authenticator.authenticateTask(request({})))).toEqual([401, 'missing']);
  });
});

describe('Identity-Aware Proxy', () => {
  const iap = {
    ...{ audience: '/projects/1/global/backendServices/2', jwksUrl: 'https://www.gstatic.com/iap' },
    ...{ admins: ['ada@example.com'], operators: ['ben@example.com'] },
  };
  const claims = { iss: 'https://cloud.google.com/iap', aud: iap.audience, sub: 'accounts.google.com:1' };
  const assertion = async (issuer: Issuer, more: object, key = es256) =>
    issuer.sign(NOW, { ...claims, ...more }, {}, key);

  it('says who somebody is; lists say what they may', async () => {
    const { authenticator, issuer } = setUp({ people: ['iap'], iap });
    issuer.keys = [es256];
    for (const [email, roles] of [
      ['ada@example.com', 5],
      ['ben@example.com', 2],
      ['cy@example.com', 1],
    ] as const) {
      const sent = request({ 'x-goog-iap-jwt-assertion': await assertion(issuer, { email }) });
      const found = await authenticator.authenticate(sent, false);
      expect(found).toMatchObject({ kind: 'iap', subject: email });
      expect((found as Principal).roles).toHaveLength(roles);
    }
  });

  it('is asked for its own audience, issuer and algorithm, and only where it is configured', async () => {
    const { authenticator, issuer } = setUp({ people: ['iap'], iap });
    issuer.keys = [es256, keys[0]];
    const email = 'ada@example.com';
    for (const token of [
      await assertion(issuer, { email, aud: '/projects/1/global/backendServices/3' }),
      await assertion(issuer, { email, iss: GOOGLE }),
      await assertion(issuer, { email }, keys[0]),
      await assertion(issuer, { email: 'a@b\n' }),
    ]) {
      expect(await authenticator.authenticate(request({ 'x-goog-iap-jwt-assertion': token }), false)).toMatchObject({
        status: 401,
      });
    }
    const elsewhere = setUp({ people: ['key'], iap }).authenticator;
    expect(
      elsewhere.authenticate(request({ 'x-goog-iap-jwt-assertion': await assertion(issuer, { email }) }), false),
    ).toBeNull();
  });

  it('lets no page of another origin act with the cookie that the browser adds', async () => {
    const { authenticator, issuer } = setUp({ people: ['iap'], iap });
    issuer.keys = [es256];
    const token = await assertion(issuer, { email: 'ada@example.com' });
    const from = (headers: Record<string, string>, method = 'POST') =>
      told(
        authenticator.authenticate(
          request({ 'x-goog-iap-jwt-assertion': token, host: 'millrace.example.com', ...headers }, method),
          false,
        ),
      );
    expect(await from({ origin: 'https://evil.example.com' })).toEqual([403, 'forbidden']);
    expect(await from({ origin: 'null' })).toEqual([403, 'forbidden']);
    expect(await from({ 'sec-fetch-site': 'cross-site' })).toEqual([403, 'forbidden']);
    expect(await from({ 'sec-fetch-site': 'same-site' })).toEqual([403, 'forbidden']);
    expect(await from({ origin: 'https://millrace.example.com', 'sec-fetch-site': 'same-origin' })).toMatchObject({
      kind: 'iap',
    });
    expect(await from({})).toMatchObject({ kind: 'iap' });
    expect(await from({ 'sec-fetch-site': 'cross-site' }, 'GET')).toMatchObject({ kind: 'iap' });
  });
});

function setUpJwt(): AccessSettings['jwt'] {
  return {
    issuer: ISSUER,
    audiences: ['millrace'],
    jwksUrl: 'https://id.example.com/keys',
    algorithms: ['RS256'],
    rolesClaim: 'roles',
  };
}

/** The payload says admin; the signature is of what it said before. */
function tampered(token: string): string {
  const [header, payload, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return [
    header,
    Buffer.from(JSON.stringify({ ...claims, realm_access: { roles: ['admin'] } })).toString('base64url'),
    signature,
  ].join('.');
}
