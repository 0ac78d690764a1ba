import { TestGateway } from '../testing/gateway.client';
import { bodyFor, Chance, headersOf, RawConnection } from '@millrace/service/fuzzing';
import { publishContracts } from '../testing/publish-contracts';

const REQUESTS = 4_000;
/** Another one is tried with MILLRACE_FUZZ_SEED; a failure names its own. */
const SEED = Number(process.env.MILLRACE_FUZZ_SEED ?? 20_261_121);
const ANSWER_MS_MAX = 10_000;
const ROUTES = ['/events', '/v1/events', '/v1/events', '/v1/events', '/api/v1/ingest_event', '/v1/webhooks/fuzz'];
const QUERIES = [
  '',
  '',
  '',
  '',
  '?receipts=all',
  '?strict=true',
  '?strict=true&receipts=all',
  '?strict=',
  '?receipts=x',
  '?a=%ff',
  '?strict=true&strict=false',
  '?__proto__=1',
];
const STATUSES = new Set([200, 201, 202, 204, 207, 400, 404, 405, 409, 413, 415, 422, 431]);

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

let gateway: TestGateway;
let connection: RawConnection | null = null;
beforeAll(async () => {
  gateway = await TestGateway.start();
  await publishContracts(gateway.lake);
});
afterAll(async () => {
  connection?.close();
  await gateway?.stop();
});

function requestOf(chance: Chance): Sent {
  const method = chance.one(40) ? chance.pick(['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) : 'POST';
  const path = chance.pick(ROUTES) + chance.pick(QUERIES);
  return { method, path, headers: headersOf(chance, 40), body: bodyFor(chance, path) };
}

async function send({ method, path, headers, body }: Sent, chunked: boolean) {
  connection ??= await RawConnection.open(gateway.port);
  const framing = chunked ? ['transfer-encoding: chunked'] : [`content-length: ${body.length}`];
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`),
    ...framing,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const chunks = [
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from(body.length > 0 ? '\r\n0\r\n\r\n' : '\r\n'),
  ];
  await connection.write(Buffer.concat([head, ...(chunked ? chunks : [body])]));
  const answer = await connection.answer(ANSWER_MS_MAX);
  if (!answer || /^connection: close/im.test(answer.head)) {
    connection.close();
    connection = null;
  }
  return answer;
}

/** Items that a request of this kind has, as anyone would split it who knows nothing of JSON; null where that takes JSON. */
function itemsOf({ path, headers, body }: Sent): Buffer[] | null {
  if (!path.startsWith('/v1/events')) return path.startsWith('/api') ? null : [body];
  const binary = Object.keys(headers).some((name) => /^ce-(specversion|id|source|type)$/.test(name));
  const type = (headers['content-type'] ?? '').toLowerCase();
  if (binary && !type.startsWith('application/cloudevents')) return [body];
  if (!type.startsWith('application/x-ndjson')) return /^[ \t\r\n]*\[/.test(body.toString('latin1')) ? null : [body];
  const lines = body
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  return lines.filter((line) => !/^[ \t\r]*$/.test(line)).map((line) => Buffer.from(line, 'latin1'));
}

it(`of ${REQUESTS} mutated requests none is answered 5xx or hangs, and every item taken is in the log to the byte (seed ${SEED})`, async () => {
  const chance = new Chance(SEED);
  const seen = new Map<number, number>();
  let expected = 0;
  for (let n = 0; n < REQUESTS; n++) {
    const request = requestOf(chance);
    const shown = `request ${n} of seed ${SEED}: ${request.method} ${request.path} ${JSON.stringify(request.headers)} ${JSON.stringify(request.body.toString('latin1').slice(0, 300))}`;
    try {
      const answer = await send(request, request.method === 'POST' && chance.one(10));
      if (!answer) throw new Error('the connection was closed without an answer');
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      if (!STATUSES.has(answer.status)) throw new Error(`${answer.status} ${answer.body}`);
      const items = (await gateway.items()).map(({ value }) => value);
      await gateway.clear();
      check(request, answer, items);
      expected += items.length;
    } catch (error) {
      throw new Error(`${shown}\n${(error as Error).message}`, { cause: error });
    }
  }
  // The log counted what was appended, and nothing else.
  const { rows } = await gateway.database.pool.query<{ total: string }>('SELECT sum(next) AS total FROM log.head');
  expect(Number(rows[0].total)).toBe(expected);
  // A run that refused nearly everything would prove little.
  expect(seen.get(202) ?? 0).toBeGreaterThan(REQUESTS / 8);
  expect(seen.get(400) ?? 0).toBeGreaterThan(REQUESTS / 20);
  for (const status of [200, 201, 207, 405, 413, 415, 422]) expect([status, seen.has(status)]).toEqual([status, true]);
}, 300_000);

function check(request: Sent, answer: { status: number; head: string; body: string }, items: readonly Buffer[]): void {
  if (request.method === 'OPTIONS') return;
  const json = JSON.parse(answer.body || 'null');
  if (answer.status >= 400) {
    expect(answer.head).toMatch(/content-type: application\/problem\+json/i);
    expect(json).toMatchObject({ status: answer.status, title: expect.any(String) });
    if (request.method === 'POST' && [400, 413, 415, 422].includes(answer.status)) {
      expect(json.errors?.length ?? 0).toBeGreaterThan(0);
      for (const { path, rule, detail } of json.errors)
        expect([typeof path, typeof rule, typeof detail]).toEqual(['string', 'string', 'string']);
    }
    expect(items).toHaveLength(0);
    return;
  }
  if (/^idempotency-replayed: true/im.test(answer.head)) {
    expect(items).toHaveLength(0);
    return;
  }
  const kept = request.path.startsWith('/v1/') ? json.accepted + json.quarantined : 1;
  expect(items).toHaveLength(kept);
  const split = itemsOf(request);
  if (split && answer.status !== 207 && json.refused === undefined) expect(items).toEqual(split);
  let at = 0;
  if (!request.path.startsWith('/api')) {
    for (const item of items) {
      const found = request.body.indexOf(item, at);
      expect(found).toBeGreaterThanOrEqual(at);
      at = found + item.length;
    }
  }
}
