import { once } from 'node:events';
import net from 'node:net';
import { Controller, Get, Module, Post } from '@nestjs/common';
import {
  access,
  type AccessPolicy,
  digestOf,
  encodeKeyFile,
  keyFilePath,
  mintKey,
  type Principal,
} from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { Issuer, signingKey } from '@millrace/auth/testing';
import { createLogger, systemRandom } from '@millrace/observability';
import {
  ConfigError,
  createService,
  defineConfig,
  ingestAccessFields,
  port,
  type ServiceContext,
  type ServiceDefinition,
} from '../index';
import { type StartedService, startService } from '../testing';

const config = defineConfig({ ...ingestAccessFields, port: port({ env: 'PORT', default: 0 }) });
type Context = ServiceContext<never>;

@Controller('/v1/things')
class Things {
  @Get()
  @Access('viewer')
  all(@Caller() caller: Principal) {
    return caller;
  }

  @Post()
  @Access('operator')
  make(@Caller() caller: Principal) {
    return caller;
  }
}

@Module({ controllers: [Things] })
class ThingsModule {}

const files = new Map<string, Buffer>();
const storage = {
  get: async (path: string) => files.get(path) as Buffer,
  list: async function* () {
    for (const path of files.keys()) yield { path };
  },
};

function definition(extra: (ctx: Context) => void = () => undefined): ServiceDefinition<typeof config> {
  return {
    name: 'things',
    version: '1',
    config,
    module: (ctx) => {
      ctx.access.followKeys(storage);
      const { fastify } = ctx;
      fastify.post('/events', { config: { access: access('ingest') } }, (request, reply) =>
        reply.send(request.principal),
      );
      fastify.post('/internal/work', { config: { access: access('task') } }, (request, reply) =>
        reply.send(request.principal),
      );
      ctx.openapi.add({ paths: { '/events': { post: { responses: {} } } } });
      extra(ctx as never);
      return ThingsModule;
    },
  };
}

const ENV = {
  AUTH_MODE: 'key,jwt',
  INGEST_AUTH_MODE: 'token',
  INGEST_TOKEN: 'the-ingest-token-of-this-test',
  TASK_AUTH_MODE: 'token',
  TASK_TOKEN: 'the-task-token-of-this-test',
  JWT_ISSUER: 'https://id.example.com',
  JWT_AUDIENCE: 'millrace',
  JWT_JWKS_URL: 'https://id.example.com/keys',
};

describe('a route that does not say who may call it', () => {
  const starting = (extra: (ctx: Context) => void) => startService(definition(extra));

  it('keeps its service from starting, raw or of a controller', async () => {
    await expect(starting(({ fastify }) => void fastify.get('/open', () => 'x'))).rejects.toThrow(
      'GET /open does not say who may call it',
    );
    @Controller()
    class Open {
      @Get('/v1/open')
      all() {
        return 'x';
      }
    }
    @Module({ controllers: [Open] })
    class OpenModule {}
    await expect(startService({ ...definition(), module: () => OpenModule })).rejects.toThrow(
      /\/v1\/open does not say/,
    );
  });

  it.each<[string, AccessPolicy['who']]>([
    ['/internal/tasks/x', 'public'],
    ['/internal/tasks/x', 'admin'],
    ['/internal', 'admin'],
    ['/v1/x', 'task'],
  ])('%s cannot be of %s', async (path, who) => {
    await expect(
      starting(({ fastify }) => void fastify.post(path, { config: { access: access(who) } }, () => 'x')),
    ).rejects.toThrow('what is under /internal/');
  });
});

describe('an address that others can reach', () => {
  const problems = async (env: Record<string, string>, more = definition()): Promise<readonly string[]> => {
    try {
      const service = createService(more, { PORT: '0', LOG_LEVEL: 'silent', ...env });
      await service.listen();
      await service.stop();
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  };

  it.each(['0.0.0.0', '::', 'example.com', '127.0.0.1.example.com'])(
    'is refused without authentication, by name: %s',
    async (HOST) => {
      const found = await problems({ HOST });
      expect(found).toHaveLength(2);
      for (const [i, variable] of ['AUTH_MODE', 'INGEST_AUTH_MODE'].entries()) {
        expect(found[i]).toBe(
          `${variable} is none, and HOST is "${HOST}", where others can reach this service; set ${variable}, or a loopback HOST`,
        );
      }
    },
  );

  it('is refused while tasks are taken from anyone', async () => {
    const { TASK_AUTH_MODE: _mode, ...rest } = ENV;
    expect(await problems({ ...rest, HOST: '0.0.0.0' })).toEqual([expect.stringMatching(/^TASK_AUTH_MODE is none/)]);
  });

  it('is taken with all of it', async () => {
    expect(await problems({ ...ENV, HOST: '0.0.0.0' })).toEqual([]);
  });

  it.each([
    [{ AUTH_MODE: 'jwt' }, ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL']],
    [{ AUTH_MODE: 'iap' }, ['IAP_AUDIENCE']],
    [{ INGEST_AUTH_MODE: 'token,oidc' }, ['OIDC_AUDIENCE', 'OIDC_SERVICE_ACCOUNTS', 'INGEST_TOKEN']],
    [{ TASK_AUTH_MODE: 'token' }, ['TASK_TOKEN']],
    [{ TASK_AUTH_MODE: 'oidc' }, ['OIDC_AUDIENCE', 'OIDC_SERVICE_ACCOUNTS']],
    [{ AUTH_MODE: 'none,key' }, ['AUTH_MODE']],
    [{ AUTH_MODE: 'basic' }, ['AUTH_MODE']],
    [{ JWT_ALGORITHMS: 'HS256' }, ['JWT_ALGORITHMS']],
    [{ ADMIN_TOKEN: 'short' }, ['ADMIN_TOKEN']],
    [{ INGEST_AUTH_MODE: 'token', INGEST_TOKEN: 'the-ingest-token-of-this-test,short' }, ['INGEST_TOKEN']],
  ])('what %j lacks is named', async (env, variables) => {
    const found = await problems(env as Record<string, string>);
    expect(found.map((line) => line.split(' ')[0])).toEqual(variables);
    expect(found.join()).not.toContain('short');
  });
});

describe('a service with authentication', () => {
  const lines: string[] = [];
  const sent: string[] = [];
  let started: StartedService;
  let issuer: Issuer;
  let viewer: string;

  beforeAll(async () => {
    issuer = new Issuer('https://id.example.com', [await signingKey('k')]);
    const { id, key } = mintKey(systemRandom);
    viewer = key;
    const entry = {
      id,
      tenant: 'acme',
      roles: ['viewer'] as const,
      hash: digestOf(key).toString('hex'),
      expiresAt: null,
    };
    files.set(keyFilePath(1), encodeKeyFile({ version: 1, keys: [entry] }));
    const logger = createLogger({
      service: 'test',
      level: 'trace',
      destination: { write: (line) => void lines.push(line) },
    });
    started = await startService(definition(), ENV, { logger, fetchJson: issuer.fetchJson });
  });
  afterAll(() => started.stop());

  const call = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    sent.push(...Object.values(headers));
    const response = await fetch(started.url + path, { method, headers });
    return {
      status: response.status,
      headers: response.headers,
      json: (await response.json()) as Record<string, unknown>,
    };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('lets in whom it knows, as whom it knows', async () => {
    expect((await call('/v1/things', bearer(viewer))).json).toMatchObject({ kind: 'key', tenant: 'acme' });
    expect((await call('/v1/things', { 'x-api-key': viewer })).status).toBe(200);
    const jwt = await issuer.sign(Date.now(), { roles: ['operator'] });
    expect((await call('/v1/things', bearer(jwt), 'POST')).json).toMatchObject({ kind: 'jwt', tenant: 'default' });
    expect((await call('/events', bearer(ENV.INGEST_TOKEN), 'POST')).json).toMatchObject({
      kind: 'token',
      roles: ['ingest'],
    });
    expect((await call('/internal/work', { 'x-task-token': ENV.TASK_TOKEN }, 'POST')).json).toMatchObject({
      kind: 'task',
    });
  });

  it('answers 401 with a challenge, 403 where somebody lacks a role; as problems with the id of the request', async () => {
    const none = await call('/v1/things');
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="millrace"']);
    expect(none.headers.get('content-type')).toContain('application/problem+json');
    expect(none.json).toMatchObject({
      status: 401,
      title: 'Unauthorized',
      requestId: none.headers.get('x-request-id'),
    });
    const wrong = await call('/v1/things', bearer('a-wrong-credential'));
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
    const lacking = await call('/v1/things', bearer(viewer), 'POST');
    expect([lacking.status, lacking.json['detail']]).toEqual([403, 'This takes the role operator.']);
    expect((await call('/events', bearer(viewer), 'POST')).status).toBe(401);
    expect((await call('/internal/work', bearer(viewer), 'POST')).status).toBe(401);
    expect((await call('/internal/work', { 'x-task-token': 'wrong' }, 'POST')).status).toBe(401);
  });

  it('tells its health and its API to anyone, its metrics to those of the deployment', async () => {
    for (const path of ['/health', '/liveness', '/readiness', '/openapi.json'])
      expect((await call(path)).status).toBe(200);
    expect((await fetch(`${started.url}/docs`)).status).toBe(200);
    expect((await call('/metrics')).status).toBe(401);
    expect((await call('/metrics', bearer(viewer))).status).toBe(403);
    const jwt = await issuer.sign(Date.now(), { roles: 'viewer' });
    const metrics = await fetch(`${started.url}/metrics`, { headers: bearer(jwt) });
    expect(await metrics.text()).toMatch(/millrace_refused_requests_total\{[^}]*rule="forbidden"[^}]*\} [1-9]/);
  });

  it('says in its API what each operation takes', async () => {
    const { paths, components } = (await call('/openapi.json')).json as never as {
      paths: Record<string, Record<string, { security: object[]; 'x-role'?: string }>>;
      components: { securitySchemes: object };
    };
    expect(paths['/v1/things'].get).toMatchObject({
      'x-role': 'viewer',
      security: [{ bearer: [] }, { apiKey: [] }, { iap: [] }],
    });
    expect(paths['/events'].post).toMatchObject({
      'x-role': 'ingest',
      security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }],
    });
    expect(paths['/health'].get.security).toEqual([]);
    for (const item of Object.values(paths))
      for (const operation of Object.values(item)) expect(operation.security).toBeDefined();
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer', 'apiKey', 'basic', 'iap', 'task']);
  });

  it.each([
    ['two of Authorization', `authorization: Bearer wrong\r\nauthorization: Bearer ${ENV.INGEST_TOKEN}`],
    ['two in other letters', `Authorization: Bearer ${ENV.INGEST_TOKEN}\r\nAUTHORIZATION: Bearer wrong`],
    ['Authorization and X-API-Key', `authorization: Bearer ${ENV.INGEST_TOKEN}\r\nx-api-key: wrong`],
    ['a folded header', `authorization: Bearer wrong\r\n ${ENV.INGEST_TOKEN}`],
    ['a space before the colon', `authorization : Bearer ${ENV.INGEST_TOKEN}`],
    ['NUL in a credential', `authorization: Bearer ${ENV.INGEST_TOKEN}\0`],
  ])('refuses %s', async (_, header) => {
    const socket = net.connect(Number(new URL(started.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => (answer += data));
    socket.on('error', () => undefined);
    socket.write(
      `POST /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${header}\r\ncontent-length: 0\r\n\r\n`,
    );
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is not found before it is refused: what nobody serves is 404 to anyone', async () => {
    expect((await call('/v1/nothing')).status).toBe(404);
    expect((await call('/v1/things', {}, 'PUT')).status).toBe(405);
  });

  it('writes no credential into its log, its metrics or an answer', async () => {
    const jwt = await issuer.sign(Date.now(), { roles: ['viewer'] });
    const secrets = [viewer, jwt, ENV.INGEST_TOKEN, ENV.TASK_TOKEN, 'mlr_secret-that-is-no-key', 'a.secret.token'];
    let answers = '';
    for (const secret of secrets) {
      const presented: Record<string, string>[] = [
        bearer(secret),
        { 'x-api-key': secret },
        { 'x-task-token': secret },
        { authorization: `Basic ${secret}` },
      ];
      for (const headers of presented) {
        for (const [path, method] of [
          ['/v1/things', 'GET'],
          ['/events', 'POST'],
          ['/internal/work', 'POST'],
        ] as const) {
          const { json, headers: answered } = await call(path, headers, method);
          answers += JSON.stringify(json) + JSON.stringify([...answered]);
        }
      }
    }
    const metrics = await (await fetch(`${started.url}/metrics`, { headers: bearer(jwt) })).text();
    expect(lines.length).toBeGreaterThan(50);
    for (const secret of [...secrets, ...sent.filter((value) => value.length > 20)]) {
      const core = secret.replace(/^(Bearer|Basic) /, '');
      for (const text of [lines.join('\n'), metrics, answers]) expect(text.includes(core)).toBe(false);
    }
  });
});
