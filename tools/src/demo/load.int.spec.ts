import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { createClient } from './client';
import { batches } from './data-set';
import { load } from './load';

it('batches hold every line once, in order, within their limits', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 11 : byte)))),
      ),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 90 }),
      (lines, linesMax, bytesMax) => {
        const made = [...batches(lines, linesMax, bytesMax)];
        expect(Buffer.concat(made.map(({ body }) => body))).toEqual(
          Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])),
        );
        expect(
          made.every((batch) => batch.lines <= linesMax && (batch.body.length <= bytesMax || batch.lines === 1)),
        ).toBe(true);
        expect(made.reduce((sum, batch) => sum + batch.lines, 0)).toBe(lines.length);
      },
    ),
  );
});

describe('loading', () => {
  const lines = Array.from({ length: 10 }, (_, i) => Buffer.from(`{"n":${i}}`));
  let server: Server;
  let seen: { key: string; body: string }[];
  let answer: (attempt: number) => number;

  beforeEach(async () => {
    seen = [];
    answer = () => 202;
    server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const status = answer(seen.push({ key: String(request.headers['idempotency-key']), body }));
        if (status === 0) return request.socket.destroy();
        response.writeHead(status, { 'retry-after': '0' });
        response.end(JSON.stringify({ accepted: body.split('\n').length - 1, quarantined: 0 }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const run = () => {
    const client = createClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return load({ client, lines, runId: 'r', onProgress: () => undefined, requestsMax: 1, linesMax: 4 });
  };

  it('sends every line and sums the receipts', async () => {
    expect(await run()).toEqual({ accepted: 10, quarantined: 0 });
    expect(seen.map(({ key }) => key)).toEqual(['demo-r-0', 'demo-r-1', 'demo-r-2']);
    expect(seen.map(({ body }) => body).join('')).toBe(lines.map((line) => `${line.toString()}\n`).join(''));
  });

  it.each([503, 429, 502, 0])('repeats a request that was answered with %i under the same key', async (status) => {
    answer = (attempt) => (attempt === 2 ? status : 202);
    expect(await run()).toEqual({ accepted: 10, quarantined: 0 });
    expect(seen.map(({ key }) => key)).toEqual(['demo-r-0', 'demo-r-1', 'demo-r-1', 'demo-r-2']);
    expect(seen[1]?.body).toBe(seen[2]?.body);
  });

  it('ends with the refusal of a request that will never be taken', async () => {
    answer = () => 415;
    await expect(run()).rejects.toThrow('POST /v1/events was answered with 415');
    expect(seen).toHaveLength(1);
  });
});
