import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { EventPattern, Payload, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { access } from '@millrace/auth';
import { Access } from '@millrace/auth/nest';
import { createLogger, currentTraceparent } from '@millrace/observability';
import {
  createService,
  defineConfig,
  port,
  type Resource,
  type ServiceContext,
  type ServiceDefinition,
} from '../index';
import { type StartedService, startService } from '../testing';

const OPEN_TO_ALL = { config: { access: access('public') } };
const heard: unknown[] = [];

@Controller()
class Things {
  @Get('things')
  @Access('public')
  all() {
    return { traceparent: currentTraceparent() };
  }

  @EventPattern('things.changed')
  changed(@Payload() payload: { bad?: boolean }) {
    if (payload.bad) throw new Error('cannot');
    heard.push(payload);
  }
}

@Module({ controllers: [Things] })
class ThingsModule {}

/** A transport in memory, as simple as one can be. */
class Wire extends Server implements CustomTransportStrategy {
  listens = false;

  listen(callback: () => void): void {
    this.listens = true;
    callback();
  }

  close(): void {
    this.listens = false;
  }

  on(): never {
    throw new Error('no events of its own');
  }

  unwrap<T>(): T {
    return this as never;
  }

  async deliver(pattern: string, data: unknown): Promise<void> {
    const answer = this.transformToObservable(await this.messageHandlers.get(pattern)?.(data));
    await new Promise<void>((resolve, reject) => answer.subscribe({ complete: resolve, error: reject }));
  }
}

const config = defineConfig({ port: port({ env: 'PORT', default: 0 }) });
type Context = ServiceContext<{ readonly port: number } & Record<string, unknown>>;

function definition(extra: (ctx: Context) => void = () => undefined): ServiceDefinition<typeof config> {
  return {
    name: 'things',
    version: '1',
    config,
    module: (ctx) => {
      ctx.fastify.get('/trace', OPEN_TO_ALL, () => ({ traceparent: currentTraceparent() }));
      ctx.fastify.post('/trace', OPEN_TO_ALL, async () => {
        await sleep(1);
        return { traceparent: currentTraceparent() };
      });
      ctx.fastify.get('/slow', OPEN_TO_ALL, async () => {
        await sleep(100);
        return {};
      });
      extra(ctx as never);
      return ThingsModule;
    },
  };
}

async function* halfAnAnswer() {
  yield 'half';
  await sleep(20);
  throw new Error('the disk is gone');
}

/** Sends bytes as they are and reads until the other side closes. */
async function raw(url: string, text: string): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += data));
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('connections', () => {
  let started: StartedService;
  beforeAll(async () => {
    started = await startService(definition());
  });
  afterAll(() => started.stop());

  const closing = 'host: x\r\nconnection: close';

  it.each([
    ['headers that are too large', `GET /health HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['an unknown method', `BREW /health HTTP/1.1\r\n${closing}\r\n\r\n`, 400],
    [
      'a smuggled length',
      `POST /trace HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0`,
      400,
    ],
    ['an invalid path', `GET /%ff HTTP/1.1\r\n${closing}\r\n\r\n`, 400],
    ['NUL in a path', `GET /things%00 HTTP/1.1\r\n${closing}\r\n\r\n`, 400],
    ['NUL in a query', `GET /things?a=%00 HTTP/1.1\r\n${closing}\r\n\r\n`, 400],
    ['an invalid query', `GET /things?a=%ff HTTP/1.1\r\n${closing}\r\n\r\n`, 400],
    ['a wrong method', `PUT /things HTTP/1.1\r\n${closing}\r\ncontent-length: 0\r\n\r\n`, 405],
    ['an asterisk', `OPTIONS * HTTP/1.1\r\n${closing}\r\n\r\n`, 404],
  ])('answers %s with a problem', async (_, request, status) => {
    const answer = await raw(started.url, request);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { status: number; title: string };
    expect([body.status, typeof body.title]).toEqual([status, 'string']);
  });

  it('says on OPTIONS what a path takes', async () => {
    const response = await fetch(`${started.url}/things`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD']);
  });

  it('logs what goes wrong after an answer has begun', async () => {
    const lines: string[] = [];
    const logger = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });
    const broken = definition(({ fastify }) => {
      fastify.get('/stream', OPEN_TO_ALL, (_request, reply) => reply.send(Readable.from(halfAnAnswer())));
    });
    const service = await startService(broken, {}, { logger });
    await expect(fetch(`${service.url}/stream`).then((response) => response.text())).rejects.toThrow('terminated');
    await service.stop();
    expect(lines.filter((line) => line.includes('the disk is gone'))).toHaveLength(1);
  });

  it('forgets requests whose client went away', async () => {
    const held = await startService(
      definition(({ fastify }) => {
        fastify.get('/held', OPEN_TO_ALL, () => new Promise(() => undefined));
      }),
      { SHUTDOWN_TIMEOUT: '1s' },
    );
    const request = http.get(`${held.url}/held`);
    request.on('error', () => undefined);
    const active = async () =>
      /http_server_active_requests\{[^}]*\} (\d+)/.exec(await (await fetch(`${held.url}/metrics`)).text())?.[1];
    while ((await active()) !== '2') await sleep(10);
    request.destroy();
    while ((await active()) !== '1') await sleep(10);
    await held.stop();
  });
});

describe('traces', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  let started: StartedService;
  beforeAll(async () => {
    started = await startService(definition());
  });
  afterAll(() => started.stop());

  it.each([
    ['GET', '/things'],
    ['GET', '/trace'],
    ['POST', '/trace'],
  ])('carries an incoming trace on through %s %s', async (method, path) => {
    const body =
      method === 'POST' ? { body: '{}', headers: { traceparent, 'content-type': 'application/json' } } : undefined;
    const response = await fetch(started.url + path, { method, headers: { traceparent }, ...body });
    expect(await response.json()).toEqual({ traceparent });
  });

  it('has no trace where none came in, and ignores a malformed one', async () => {
    for (const header of [undefined, 'nonsense', traceparent.replace(/0af.*-b/, `${'0'.repeat(32)}-b`)]) {
      const response = await fetch(`${started.url}/trace`, { headers: header ? { traceparent: header } : {} });
      expect(await response.json()).toEqual({});
    }
  });
});

describe('readiness', () => {
  it('turns requests away until the resources are up, and lets health through', async () => {
    let release = () => undefined as void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const resource: Resource = { name: 'gate', start: () => gate, stop: async () => undefined };
    const logger = createLogger({ service: 'test', level: 'silent' });
    const service = createService(
      definition(({ lifecycle }) => lifecycle.add(resource)),
      { PORT: '0' },
      { logger },
    );
    const url = await service.listen();
    const started = service.start();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    for (const path of ['/things', '/trace', '/readiness']) {
      const response = await fetch(url + path);
      expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '1']);
    }
    release();
    await started;
    for (const path of ['/things', '/trace', '/readiness']) expect((await fetch(url + path)).status).toBe(200);
    expect(await service.stop()).toEqual([]);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  it('undoes everything when a resource cannot start', async () => {
    const log: string[] = [];
    const first: Resource = {
      name: 'first',
      start: async () => void log.push('start'),
      stop: async () => void log.push('stop'),
    };
    const broken: Resource = {
      name: 'broken',
      start: () => Promise.reject(new Error('no')),
      stop: async () => undefined,
    };
    const starting = startService(
      definition(({ lifecycle }) => {
        lifecycle.add(first);
        lifecycle.add(broken);
      }),
    );
    await expect(starting).rejects.toThrow('no');
    expect(log).toEqual(['start', 'stop']);
  });

  it('serves what still comes on an open connection while it drains', async () => {
    const started = await startService(definition());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string) =>
      new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
        http
          .get(started.url + path, { agent }, (response) => {
            response.resume().on('end', () => resolve([response.statusCode, response.headers.connection]));
          })
          .on('error', reject);
      });
    expect(await get('/things')).toEqual([200, 'keep-alive']);
    const slow = get('/slow');
    await sleep(30);
    const stopped = started.stop();
    expect(await slow).toEqual([200, 'close']);
    await stopped;
    agent.destroy();
  });
});

describe('consumers', () => {
  it('starts a transport among the resources, delivers to @EventPattern handlers, and stops it', async () => {
    const wire = new Wire();
    const log: string[] = [];
    const started = await startService(
      definition(({ lifecycle, consume }) => {
        lifecycle.add({
          name: 'log',
          start: async () => void log.push(`log starts, wire ${wire.listens}`),
          stop: async () => void log.push(`log stops, wire ${wire.listens}`),
        });
        consume('things.changed', wire);
      }),
    );
    await wire.deliver('things.changed', { id: 1 });
    expect(heard).toEqual([{ id: 1 }]);
    await expect(wire.deliver('things.changed', { bad: true })).rejects.toThrow('cannot');
    const { resources } = (await (await fetch(`${started.url}/readiness`)).json()) as { resources: object };
    expect(resources).toEqual({ log: 'ready', 'things.changed': 'ready' });
    await started.stop();
    expect(log).toEqual(['log starts, wire false', 'log stops, wire false']);
  });
});
