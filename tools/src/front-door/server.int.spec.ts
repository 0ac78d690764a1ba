import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Upstream } from './forward';
import { createFrontDoor, type FrontDoor } from './server';

const servers: Server[] = [];
let door: FrontDoor;
let base: string;
let gateway: Server;
let seen: { request: IncomingMessage; body: Buffer }[];
let behave: RequestListener;

beforeEach(async () => {
  seen = [];
  behave = (_request, response) => void response.end('ok');
  gateway = await listen((request, response) => {
    if (request.url === '/readiness') return void response.end('{"status":"ready"}');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ request, body: Buffer.concat(chunks) });
      behave(request, response);
    });
  });
  const analytics = await listen((request, response) => {
    response.statusCode = request.url === '/readiness' ? 200 : 299;
    response.end('{}');
  });
  await open([
    { service: 'ingest-gateway', origins: [originOf(gateway)] },
    { service: 'analytics-api', origins: [originOf(analytics)] },
  ]);
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe('the front door', () => {
  it('passes method, path, query, headers and bytes on unchanged', async () => {
    behave = (_request, response) => {
      response.writeHead(207, 'Multi-Status', { 'x-request-id': 'r1', 'content-type': 'application/json' });
      response.end('{"accepted":1}');
    };
    const body = gzipSync(Buffer.from([0xff, 0xfe, 0, 10]));
    const response = await fetch(`${base}/v1/events?receipts=all&x=%2F`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip', 'idempotency-key': 'k' },
    });
    expect([response.status, response.statusText, response.headers.get('x-request-id'), await response.text()]).toEqual(
      [207, 'Multi-Status', 'r1', '{"accepted":1}'],
    );
    const [{ request, body: got }] = seen as [(typeof seen)[number]];
    expect([request.method, request.url, got.equals(body)]).toEqual(['POST', '/v1/events?receipts=all&x=%2F', true]);
    expect(request.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
      'idempotency-key': 'k',
      host: new URL(base).host,
      'x-forwarded-for': expect.stringContaining('127.0.0.1'),
    });
  });

  it('passes on nothing that a client says of itself in the name of a proxy', async () => {
    const spoofed = {
      'x-forwarded-for': '127.0.0.1, 10.0.0.1',
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '//evil.example.com',
      'x-forwarded-user': 'admin',
      forwarded: 'for=127.0.0.1',
      'x-real-ip': '127.0.0.1',
    };
    await fetch(`${base}/events`, { method: 'POST', body: '{}', headers: spoofed });
    const { headers } = (seen[0] as (typeof seen)[number]).request;
    const own = Object.fromEntries(Object.keys(spoofed).map((name) => [name, headers[name]]));
    expect(own).toEqual({
      'x-forwarded-for': expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$/),
      'x-forwarded-host': new URL(base).host,
      'x-forwarded-proto': 'http',
    });
  });

  it('refuses two credentials of one kind, of which a service would see one', async () => {
    const socket = net.connect(Number(new URL(base).port), '127.0.0.1');
    socket.write(
      'GET /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\nAuthorization: Bearer b\r\nconnection: close\r\n\r\n',
    );
    let answer = '';
    socket.on('data', (data) => (answer += data));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toHaveLength(0);
  });

  it('streams a body of unknown length', async () => {
    const chunks = Array.from({ length: 64 }, (_, i) => Buffer.alloc(64 * 1024, i));
    await send('/v1/events', { method: 'POST' }, chunks);
    expect(seen[0]?.body.equals(Buffer.concat(chunks))).toBe(true);
  });

  it('reaches a service under its own name, without the prefix', async () => {
    behave = (_request, response) => {
      response.writeHead(302, { location: '/docs/' });
      response.end();
    };
    const response = await fetch(`${base}/ingest-gateway/docs?a=1`, { redirect: 'manual' });
    expect(seen[0]?.request.url).toBe('/docs?a=1');
    expect(seen[0]?.request.headers['x-forwarded-prefix']).toBe('/ingest-gateway');
    expect(response.headers.get('location')).toBe('/ingest-gateway/docs/');
  });

  it('keeps connections to a service open', async () => {
    const sockets = new Set<unknown>();
    gateway.on('connection', (socket) => sockets.add(socket));
    for (let i = 0; i < 20; i++)
      await fetch(`${base}/events`, { method: 'POST', body: '{}' }).then((response) => response.text());
    expect(sockets.size).toBe(1);
  });

  it('answers 404 with problem details for a path of nobody', async () => {
    await expectProblem(await fetch(`${base}/nobody`), 404, null);
    await expectProblem(await fetch(`${base}/internal/tasks/x`, { method: 'POST', body: '{}' }), 404, null);
  });

  it('answers 503 with Retry-After while a service is down', async () => {
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
    await expectProblem(await fetch(`${base}/events`, { method: 'POST', body: '{}' }), 503, '1');
    await expectProblem(await fetch(`${base}/ingest-gateway/metrics`), 503, '1');
  });

  it('answers 502, once, when a service dies over a request that may have had an effect', async () => {
    behave = (request) => request.socket.destroy();
    await expectProblem(await fetch(`${base}/events`, { method: 'POST', body: '{}' }), 502, '1');
    expect(seen).toHaveLength(1);
  });

  it('tries a read again when a kept connection turns out to be closed', async () => {
    await fetch(`${base}/ingest-gateway/a`).then((response) => response.text());
    let first = true;
    behave = (request, response) => {
      if (first) request.socket.destroy();
      else response.end('second');
      first = false;
    };
    expect(await fetch(`${base}/ingest-gateway/b`).then((response) => response.text())).toBe('second');
  });

  it('answers 504 when a service stays silent', async () => {
    await open([{ service: 'ingest-gateway', origins: [originOf(gateway)] }], 100);
    behave = () => undefined;
    await expectProblem(await fetch(`${base}/events`, { method: 'POST', body: '{}' }), 504, '5');
  });

  it('does not pass a cut answer off as a whole one', async () => {
    let length = '1000';
    behave = (request, response) => {
      response.writeHead(200, { 'content-length': length });
      response.write('part');
      setTimeout(() => request.socket.destroy(), 20);
    };
    await expectProblem(await fetch(`${base}/events`, { method: 'POST', body: '{}' }), 502, '1');
    length = '10000000';
    await expect(
      fetch(`${base}/events`, { method: 'POST', body: '{}' }).then((response) => response.text()),
    ).rejects.toThrow();
  });

  it('delivers a refusal that comes before the end of the body', async () => {
    gateway.removeAllListeners('request');
    gateway.on('request', (_request, response) => {
      response.writeHead(413, { connection: 'close', 'content-length': '3' });
      response.end('big');
    });
    const chunks = Array.from({ length: 320 }, () => Buffer.alloc(64 * 1024));
    const { status } = await send(
      '/v1/events',
      { method: 'POST', headers: { 'content-length': 320 * 64 * 1024 } },
      chunks,
    );
    expect(status).toBe(413);
  });

  it('abandons the request of a client that went away', async () => {
    const gone = new Promise((resolve) => {
      behave = (request) => request.socket.once('close', resolve);
    });
    const abort = new AbortController();
    const response = fetch(`${base}/events`, { method: 'POST', body: '{}', signal: abort.signal });
    while (seen.length === 0) await sleep(5);
    abort.abort();
    await expect(response).rejects.toThrow();
    await gone;
  });

  it('is ready when all services are', async () => {
    expect((await fetch(`${base}/readiness`)).status).toBe(200);
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
    const response = await fetch(`${base}/readiness`);
    expect(response.status).toBe(503);
    expect(
      ((await response.json()) as { services: Record<string, { ready: boolean }> }).services['ingest-gateway'],
    ).toMatchObject({ ready: false, detail: 'not listening' });
    expect((await fetch(`${base}/health`)).status).toBe(200);
  });

  it('lists the services at / as a page and as JSON', async () => {
    const page = await fetch(`${base}/`, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-security-policy')).toContain(`default-src 'none'`);
    expect(await page.text()).toContain('/ingest-gateway/docs');
    expect(await (await fetch(`${base}/`)).json()).toMatchObject({
      services: { 'ingest-gateway': { ready: true, docs: '/ingest-gateway/docs' } },
    });
  });

  it('answers what it has in hand before it closes', async () => {
    behave = (_request, response) => void setTimeout(() => response.end('late'), 150);
    const answer = fetch(`${base}/events`, { method: 'POST', body: '{}' }).then((response) => response.text());
    while (seen.length === 0) await sleep(5);
    await door.drain();
    expect(await answer).toBe('late');
    await expect(fetch(`${base}/health`)).rejects.toThrow();
  });

  it('spreads requests over the instances of a service and passes over one that is down', async () => {
    const names: string[] = [];
    const instances = await Promise.all(
      ['a', 'b'].map((name) => listen((_request, response) => void response.end(String(names.push(name))))),
    );
    await open([{ service: 'curation-worker', origins: instances.map(originOf) }]);
    for (let i = 0; i < 4; i++) await fetch(`${base}/v1/kpis/day`).then((response) => response.text());
    expect([...names].sort()).toEqual(['a', 'a', 'b', 'b']);
    instances[0]?.closeAllConnections();
    await new Promise((resolve) => instances[0]?.close(resolve));
    for (let i = 0; i < 4; i++) expect((await fetch(`${base}/v1/kpis/day`)).status).toBe(200);
  });

  it('answers bytes that are no HTTP with 400', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(Number(new URL(base).port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      socket.once('data', (data) => resolve(data.toString()));
    });
    expect(answer).toContain('HTTP/1.1 400');
    expect(answer).toContain('application/problem+json');
  });
});

async function expectProblem(response: Response, status: number, retryAfter: string | null): Promise<void> {
  expect([response.status, response.headers.get('retry-after'), response.headers.get('content-type')]).toEqual([
    status,
    retryAfter,
    'application/problem+json; charset=utf-8',
  ]);
  expect(await response.json()).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    instance: expect.any(String),
  });
}

async function open(upstreams: readonly Upstream[], answerMsMax = 5_000): Promise<void> {
  door = createFrontDoor(upstreams, { answerMsMax });
  servers.push(door.server);
  await new Promise<void>((resolve) => door.server.listen(0, '127.0.0.1', resolve));
  base = originOf(door.server).origin;
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = http.createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const originOf = (server: Server): URL => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

/** A request with a chunked body. */
function send(path: string, options: http.RequestOptions, chunks: readonly Buffer[]): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, base), options, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode as number }));
    });
    request.on('error', reject);
    void (async () => {
      for (const chunk of chunks)
        if (!request.write(chunk)) await new Promise((drained) => request.once('drain', drained));
      request.end();
    })();
  });
}
