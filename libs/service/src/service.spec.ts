import { Body, Controller, Get, HttpException, Module, Param, ParseIntPipe, Post, Query } from '@nestjs/common';
import { access } from '@millrace/auth';
import { Access } from '@millrace/auth/nest';
import { Type } from 'class-transformer';
import { IsInt, IsObject, IsOptional, IsString, Max, MaxLength, ValidateNested } from 'class-validator';
import {
  type ConfigOf,
  defineConfig,
  port,
  ProblemException,
  type ServiceContext,
  type ServiceDefinition,
} from './index';
import { type StartedService, startService } from './testing';

const OPEN_TO_ALL = { config: { access: access('public') } };

class Stop {
  @IsString()
  @MaxLength(8)
  city!: string;
}

class Shipment {
  @IsString()
  id!: string;

  @IsInt()
  @Max(10)
  parcels!: number;

  @ValidateNested({ each: true })
  @Type(() => Stop)
  stops!: Stop[];
}

class Paging {
  @Type(() => Number)
  @IsInt()
  page!: number;
}

class Options {
  @IsOptional()
  @IsString()
  name?: string;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => Options)
  more?: Options;

  @IsOptional()
  @IsObject()
  theirs?: object;
}

@Controller()
class Shipments {
  @Post('optional')
  @Access('viewer')
  optional(@Body() options: Options) {
    return options;
  }

  @Post('shipments')
  @Access('viewer')
  create(@Body() shipment: Shipment) {
    return { id: shipment.id, made: shipment instanceof Shipment };
  }

  @Get('shipments')
  @Access('viewer')
  list(@Query() paging: Paging) {
    return paging;
  }

  @Get('shipments/:id')
  @Access('viewer')
  one(@Param('id', ParseIntPipe) id: number) {
    if (id === 1)
      throw new ProblemException(409, { type: 'urn:x', title: 'Busy', detail: 'd' }, { 'retry-after': '7' });
    if (id === 2) throw new Error('secret of the inside');
    if (id === 3) throw Object.assign(new Error('no broker'), { code: 'MESSAGING_UNAVAILABLE', canRetry: true });
    if (id === 4) throw new HttpException('gone away', 410);
    return { id };
  }
}

@Module({ controllers: [Shipments] })
class AppModule {}

const config = defineConfig({ port: port({ env: ['PORT', 'SHIPMENTS_PORT'], default: 8099 }) });

const definition: ServiceDefinition<typeof config> = {
  name: 'shipments',
  version: '1.2.3',
  config,
  http: { bodyBytesMax: 2048 },
  module: ({ fastify, openapi }: ServiceContext<ConfigOf<typeof config>>) => {
    fastify.post('/raw/echo', OPEN_TO_ALL, (request, reply) => reply.send(request.body));
    fastify.get('/raw/boom', OPEN_TO_ALL, () => {
      throw new Error('secret of the inside');
    });
    void fastify.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      scope.post('/raw/bytes', OPEN_TO_ALL, (request, reply) => reply.send({ bytes: (request.body as Buffer).length }));
    });
    openapi.add({
      paths: { '/raw/echo': { post: { summary: 'Echo', responses: { 200: { description: 'The body' } } } } },
    });
    return AppModule;
  },
};

let started: StartedService;
beforeAll(async () => {
  started = await startService(definition);
});
afterAll(() => started.stop());

const send = (path: string, init?: RequestInit) => fetch(started.url + path, init);
const json = (body: string | Uint8Array) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body });

async function problem(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const body = (await response.json()) as Record<string, unknown> & { errors?: unknown[] };
  expect(body['status']).toBe(response.status);
  expect(body['requestId']).toBe(response.headers.get('x-request-id'));
  return body;
}

describe('a member that may be absent', () => {
  it.each([
    [{ name: null, more: null, theirs: null }, {}],
    [
      { name: 'a', more: { name: null } },
      { name: 'a', more: {} },
    ],
    [{ theirs: { a: null, deep: [{ b: null }] } }, { theirs: { a: null, deep: [{ b: null }] } }],
  ])('%j is %j', async (body, taken) => {
    const response = await send('/optional', json(JSON.stringify(body)));
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual(taken);
  });
});

describe('what every service answers', () => {
  it.each(['/health', '/liveness'])('%s says that the process lives', async (path) => {
    const response = await send(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', service: 'shipments', version: '1.2.3' });
  });

  it('counts requests by method, route template and status', async () => {
    await send('/shipments/7');
    await send('/nowhere/at/all');
    const text = await (await send('/metrics')).text();
    expect(text).toMatch(
      /http_server_request_duration_seconds_count\{[^}]*route="\/shipments\/:id",status="200"[^}]*\} \d/,
    );
    expect(text).toMatch(/http_server_request_duration_seconds_count\{[^}]*route="unmatched",status="404"[^}]*\} \d/);
    expect(text).not.toContain('/nowhere');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('echoes a request id, makes one where there is none, and refuses a wild one', async () => {
    expect((await send('/health', { headers: { 'x-request-id': 'abc-1' } })).headers.get('x-request-id')).toBe('abc-1');
    const [a, b] = await Promise.all([send('/health'), send('/health')]);
    expect(a.headers.get('x-request-id')).toMatch(/^[0-9a-f]{16}-/);
    expect(a.headers.get('x-request-id')).not.toBe(b.headers.get('x-request-id'));
    const wild = await send('/health', { headers: { 'x-request-id': 'a b"c' } });
    expect(wild.headers.get('x-request-id')).toMatch(/^[0-9a-f]{16}-/);
  });

  it('documents controllers and raw routes in OpenAPI 3.1', async () => {
    const document = (await (await send('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, object> }>>;
      components: { schemas: object };
    };
    expect(document.openapi).toBe('3.1.0');
    const paths = ['/shipments', '/shipments/{id}', '/raw/echo', '/health', '/readiness', '/metrics'];
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(paths));
    for (const path of ['/shipments', '/raw/echo']) {
      const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
      expect(document.paths[path]['post'].responses['default']).toMatchObject({ content });
    }
    expect(document.components.schemas).toHaveProperty('Problem');
  });

  it('serves the documentation page with all of its files', async () => {
    const page = await (await send('/docs')).text();
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const response = await send(`/${file}`);
      expect([file, response.status]).toEqual([file, 200]);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
    expect((await send('/docs/package.json')).status).toBe(404);
    expect((await send('/docs/..%2fpackage.json')).status).toBe(404);
  });
});

describe('problems', () => {
  it('names path and rule of each wrong member of a DTO', async () => {
    const body = { id: 5, parcels: 11, stops: [{ city: 'Oslo' }, { city: 'Constantinople' }], extra: 1 };
    const response = await send('/shipments', json(JSON.stringify(body)));
    expect(response.status).toBe(400);
    expect((await problem(response)).errors).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: '$.id', rule: 'isString' }),
        expect.objectContaining({ path: '$.parcels', rule: 'max' }),
        expect.objectContaining({ path: '$.stops[1].city', rule: 'maxLength' }),
        expect.objectContaining({ path: '$.extra', rule: 'unknown' }),
      ]),
    );
  });

  it.each(['null', '5', '"x"', '[]', '[1]', '{}', '{"stops":{}}', '{"stops":[1,null,"x"]}'])(
    'refuses %s where a DTO is wanted',
    async (body) => {
      const response = await send('/shipments', json(body));
      expect(response.status).toBe(400);
      const { errors } = await problem(response);
      expect(errors?.length).toBeGreaterThan(0);
      for (const error of errors ?? [])
        expect(error).toEqual({
          path: expect.stringMatching(/^\$/),
          rule: expect.any(String),
          detail: expect.any(String),
        });
    },
  );

  it.each(['null', '5', '[]', undefined])('takes %s for no empty object', async (body) => {
    const response = await send('/optional', body === undefined ? { method: 'POST' } : json(body));
    expect(response.status).toBe(400);
    expect((await problem(response)).errors).toEqual([expect.objectContaining({ path: '$', rule: 'object' })]);
    expect((await send('/optional', json('{}'))).status).toBe(201);
  });

  it('hands a valid DTO to the handler as an instance of its class', async () => {
    const response = await send('/shipments', json('{"id":"a","parcels":1,"stops":[]}'));
    expect(await response.json()).toEqual({ id: 'a', made: true });
  });

  it('names the wrong query parameter', async () => {
    const response = await send('/shipments?page=x');
    expect((await problem(response)).errors).toEqual([expect.objectContaining({ path: 'query.page', rule: 'isInt' })]);
  });

  it('answers a thrown problem as it is, with its headers', async () => {
    const response = await send('/shipments/1');
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await problem(response)).toMatchObject({ type: 'urn:x', title: 'Busy', status: 409, detail: 'd' });
  });

  it.each(['/shipments/2', '/raw/boom'])('says nothing of the inside (%s)', async (path) => {
    const response = await send(path);
    expect(response.status).toBe(500);
    expect(JSON.stringify(await problem(response))).not.toContain('secret');
  });

  it('answers 503 with Retry-After for what passes by itself', async () => {
    const response = await send('/shipments/3');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    await problem(response);
  });

  it('turns Nest exceptions and pipes into problems', async () => {
    expect(await problem(await send('/shipments/4'))).toMatchObject({ status: 410, detail: 'gone away' });
    expect((await send('/shipments/x')).status).toBe(400);
    await problem(await send('/shipments/x'));
  });

  it('tells an unknown path from an unknown method', async () => {
    await problem(await send('/nowhere'));
    const wrong = await send('/shipments/7', { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    await problem(wrong);
  });

  it.each(['/shipments', '/raw/echo'])('refuses what is no JSON (%s)', async (path) => {
    for (const body of ['', '{"a":', '{"a":1}}', 'nul', new Uint8Array([0x22, 0xc3, 0x28, 0x22])]) {
      const response = await send(path, json(body));
      expect([body, response.status]).toEqual([body, 400]);
      expect((await problem(response)).errors).toEqual([
        expect.objectContaining({ path: expect.stringMatching(/^\$/) }),
      ]);
    }
  });

  it('refuses prototype poisoning by path', async () => {
    const response = await send('/raw/echo', json('{"a":{"__proto__":{"admin":true}}}'));
    expect(response.status).toBe(400);
    await problem(response);
    expect((await send('/raw/echo', json('{"constructor":{"prototype":{}}}'))).status).toBe(400);
  });

  it('refuses a body that is too large, of another type, or longer than announced', async () => {
    const large = await send('/raw/echo', json(JSON.stringify('x'.repeat(4096))));
    expect(large.status).toBe(413);
    await problem(large);
    const type = await send('/raw/echo', { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a,b' });
    expect(type.status).toBe(415);
    await problem(type);
  });

  it('refuses a path that is not valid UTF-8', async () => {
    const response = await send('/raw/%ff%zz');
    expect(response.status).toBe(400);
    await problem(response);
  });

  it('lets a route take raw bytes', async () => {
    const body = new Uint8Array([0, 255, 1]);
    const response = await send('/raw/bytes', {
      method: 'POST',
      headers: { 'content-type': 'application/x-thing' },
      body,
    });
    expect(await response.json()).toEqual({ bytes: 3 });
  });
});
