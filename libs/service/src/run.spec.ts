import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

const dir = path.join(__dirname, 'testing', 'child');
const children = new Set<ChildProcess>();
afterEach(() => children.forEach((child) => child.kill('SIGKILL')));

interface Child {
  readonly process: ChildProcess;
  readonly exit: Promise<number | string>;
  output(): string;
  errors(): string;
  /** Resolves with the match once the process has printed this. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

function run(env: Record<string, string>): Child {
  const args = [
    '--conditions=@millrace/source',
    '--require',
    path.join(dir, 'register.cjs'),
    path.join(dir, 'main.ts'),
  ];
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], PORT: '0', ...env } });
  children.add(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors += data));
  const exit = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    return (code ?? signal) as number | string;
  });
  const printed = async (pattern: RegExp) => {
    for (;;) {
      const match = pattern.exec(output);
      if (match) return match;
      await Promise.race([
        once(child.stdout, 'data'),
        exit.then((code) => Promise.reject(new Error(`${code}: ${errors}`))),
      ]);
    }
  };
  return { process: child, exit, output: () => output, errors: () => errors, printed };
}

const listening = async (child: Child) => (await child.printed(/"address":"([^"]+)"/))[1];

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const ready = (url: string) => until(async () => (await fetch(`${url}/readiness`)).status === 200);

describe('a service as a process', () => {
  it('finishes what is under way on SIGTERM, takes nothing new, stops its resources and exits with 0', async () => {
    const child = run({});
    const url = await listening(child);
    await ready(url);
    // A connection that stays open is told to close; plain fetch would hide that header.
    const agent = new http.Agent({ keepAlive: true });
    const answer = new Promise<{ status?: number; connection?: string; body: string }>((resolve, reject) => {
      http
        .get(`${url}/slow`, { agent }, (response) => {
          let body = '';
          response.on('data', (data) => (body += data));
          const { statusCode: status, headers } = response;
          response.on('end', () => resolve({ status, connection: headers.connection, body }));
        })
        .on('error', reject);
    });
    await child.printed(/slow begins/);
    child.process.kill('SIGTERM');
    await child.printed(/"msg":"stopping"/);
    await until(() =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
    expect(await answer).toEqual({ status: 200, connection: 'close', body: '{"slow":true}' });
    expect(await child.exit).toBe(0);
    expect(child.output().indexOf('thing stopped')).toBeGreaterThan(child.output().indexOf('slow begins'));
    agent.destroy();
  });

  it('is not held up by idle connections', async () => {
    const child = run({});
    const url = await listening(child);
    await ready(url);
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    const began = performance.now();
    child.process.kill('SIGINT');
    expect(await child.exit).toBe(0);
    expect(performance.now() - began).toBeLessThan(15_000);
    socket.destroy();
  });

  it('exits at once on a second signal', async () => {
    const child = run({ CHILD_SLOW: '60s' });
    const url = await listening(child);
    await ready(url);
    const dropped = fetch(`${url}/slow`).then(
      () => 'answered',
      () => 'dropped',
    );
    await child.printed(/slow begins/);
    child.process.kill('SIGTERM');
    await child.printed(/"msg":"stopping"/);
    child.process.kill('SIGTERM');
    expect(await child.exit).toBe(1);
    expect(await dropped).toBe('dropped');
  });

  it.each([
    ['a request never ends', { CHILD_SLOW: '600s' }, '/slow'],
    ['a resource hangs', { CHILD_WAY: 'hangs' }, '/health'],
  ])('ends within its bound when %s', async (_, env, route) => {
    const child = run({ ...env, SHUTDOWN_TIMEOUT: '1s' });
    const url = await listening(child);
    await ready(url);
    void fetch(url + route).catch(() => undefined);
    if (route === '/slow') await child.printed(/slow begins/);
    const began = performance.now();
    child.process.kill('SIGTERM');
    expect(await child.exit).toBe(1);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('exits with 78 and a line for each wrong setting, without a stack', async () => {
    const child = run({ PORT: 'abc', LOG_LEVEL: 'loud', CHILD_URL: 'hunter2' });
    expect(await child.exit).toBe(78);
    const lines = child.errors().trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.slice(1)).toEqual([
      expect.stringContaining('LOG_LEVEL'),
      expect.stringContaining('PORT'),
      expect.stringContaining('CHILD_URL'),
    ]);
    expect(child.errors()).not.toMatch(/hunter2|at .*:\d+/);
  });

  it('exits with 78 and names the variable when its port is taken', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const child = run({ PORT: String(port) });
    expect(await child.exit).toBe(78);
    expect(child.errors()).toContain(`port ${port} is taken; set PORT or CHILD_PORT to another one`);
    server.close();
  });

  it('exits with 1 when a resource can never start', async () => {
    const child = run({ CHILD_WAY: 'breaks' });
    expect(await child.exit).toBe(1);
    expect(child.output()).toContain('the thing is broken');
  });

  it('lives while a resource is away, says so, turns requests away, and stops cleanly', async () => {
    const child = run({ CHILD_WAY: 'away' });
    const url = await listening(child);
    await child.printed(/trying again/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const readiness = await fetch(`${url}/readiness`);
    expect([readiness.status, readiness.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await readiness.json()).toMatchObject({ resources: { thing: 'starting: ECONNREFUSED: nobody there' } });
    const refused = await fetch(`${url}/slow`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    child.process.kill('SIGTERM');
    expect(await child.exit).toBe(0);
  });

  it('crashes on a bug that nobody caught, and says which', async () => {
    const child = run({});
    const url = await listening(child);
    await ready(url);
    void fetch(`${url}/crash`).catch(() => undefined);
    expect(await child.exit).toBe(1);
    expect(child.output()).toMatch(/"level":"fatal".*a bug/);
  });

  // Here and not beside the tracing itself: its exporter imports dynamically, which jest cannot do within a test.
  describe('with a collector of traces', () => {
    const parent = (sampled: boolean) =>
      `00-${sampled ? 'a' : 'b'}af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0${+sampled}`;

    it('sends the spans of recorded traces before it ends, and only those', async () => {
      const requests: string[] = [];
      const bodies: Buffer[] = [];
      const collector = http.createServer((request, response) => {
        requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
        request.on('data', (chunk) => bodies.push(chunk));
        request.on('end', () => response.end());
      });
      await once(collector.listen(0, '127.0.0.1'), 'listening');
      const endpoint = `http://127.0.0.1:${(collector.address() as net.AddressInfo).port}/`;
      const child = run({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
      const url = await listening(child);
      await ready(url);
      const answer = await fetch(`${url}/spans`, { method: 'POST', headers: { traceparent: parent(true) } });
      const { traceparent } = (await answer.json()) as { traceparent: string };
      expect(traceparent).toMatch(/^00-aaf7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
      expect(traceparent).not.toBe(parent(true));
      await fetch(`${url}/slow`, { headers: { traceparent: parent(false) } });
      child.process.kill('SIGTERM');
      expect(await child.exit).toBe(0);
      collector.close();
      expect(new Set(requests)).toEqual(new Set(['POST /v1/traces application/x-protobuf']));
      // Protobuf keeps strings and ids as they are.
      const sent = Buffer.concat(bodies).toString('latin1');
      const names = ['child', 'POST /spans', 'land batch', 'rows', 'write file', 'ENOSPC'];
      for (const name of names) expect(sent).toContain(name);
      expect(sent).toContain(Buffer.from('b7ad6b7169203331', 'hex').toString('latin1'));
      expect(sent).not.toContain('GET /slow');
    });

    it('works and ends as usual while the collector is away', async () => {
      const child = run({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
      const url = await listening(child);
      await ready(url);
      expect((await fetch(`${url}/spans`, { method: 'POST' })).status).toBe(200);
      child.process.kill('SIGTERM');
      expect(await child.exit).toBe(0);
    });
  });
});
