import { setTimeout as sleep } from 'node:timers/promises';
import { type Received, TestGateway } from '../testing/gateway.client';
import { OwnPostgres } from '../testing/own-postgres.client';
import { shipment } from '../testing/sample-events';

let postgres: OwnPostgres;
let gateway: TestGateway;
beforeAll(async () => void (postgres = await OwnPostgres.start()));
afterAll(() => postgres?.drop());
beforeEach(
  async () =>
    void (gateway = await TestGateway.start(
      { GATEWAY_APPEND_RETRY_MAX: '5s', IDEMPOTENCY_LOCK: '1s' },
      { database: postgres },
    )),
);
afterEach(() => gateway?.stop());

async function untilReady(ready: boolean): Promise<void> {
  for (let attempt = 0; (await gateway.request('GET', '/readiness')).status !== (ready ? 200 : 503); attempt++) {
    if (attempt > 600) throw new Error(`not ${ready ? 'ready' : 'unready'} in time`);
    await sleep(50);
  }
}

it('while Postgres is away every route answers 503 with Retry-After, and all goes on by itself when it is back', async () => {
  await postgres.kill();
  const keyed = { 'idempotency-key': `away-${process.pid}` };
  const single = { eventType: 'a', payload: {} };
  const routes: [string, unknown, Record<string, string>][] = [
    ['/events', single, {}],
    ['/events', single, keyed],
    ['/v1/events', [shipment(1)], {}],
    ['/v1/events', [shipment(1)], keyed],
    ['/api/v1/ingest_event', { message: { data: 'e30=' } }, {}],
    ['/v1/webhooks/any', {}, {}],
  ];
  for (const [route, body, headers] of routes) {
    const answer = await gateway.postJson(route, body, headers);
    expect([route, answer.status, answer.headers.get('retry-after')]).toEqual([route, 503, '1']);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    // Nothing of the inside is told.
    expect(answer.text).not.toMatch(/ECONN|postgres|127\.0\.0\.1|prisma/i);
  }
  // A request that is none is told so all the same.
  expect((await gateway.postJson('/events', {})).status).toBe(400);
  await untilReady(false);
  expect((await gateway.request('GET', '/readiness')).json.resources.log).toBe('the log cannot be reached');
  expect((await gateway.request('GET', '/health')).status).toBe(200);
  await postgres.restart();
  await untilReady(true);
  for (const [route, body, headers] of routes) {
    expect((await gateway.postJson(route, body, headers)).status).toBeLessThan(300);
  }
});

it('thousands of requests during an outage are refused within bounded memory', async () => {
  await postgres.kill();
  const before = process.memoryUsage().rss;
  const blob = 'x'.repeat(50_000);
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => gateway.postJson('/v1/events', { event_type: 'a', n, blob })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  }
  const { text } = await gateway.request('GET', '/metrics');
  expect(text).toMatch(/^millrace_queue_bytes\{[^}]*\} 0$/m);
  expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
  await postgres.restart();
  await untilReady(true);
});

/** A client that writes down what it was told of each event. */
class Witness {
  readonly attempted = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly refused = new Set<string>();
  readonly unknown = new Set<string>();
  private next = 0;

  constructor(private readonly name: string) {}

  async send(count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => `${this.name}-${this.next++}`);
    for (const id of ids) this.attempted.add(id);
    const events = ids.map((id) => ({ ...shipment(1), event_id: id }));
    const answer: Received | null = await gateway
      .postJson('/v1/events', count === 1 ? events[0] : events)
      .catch(() => null);
    const told =
      answer?.status === 202 ? this.acknowledged : /Nothing/.test(answer?.json?.detail) ? this.refused : this.unknown;
    if (answer && answer.status !== 202 && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
    for (const id of ids) told.add(id);
  }
}

it('what was acknowledged is in the log, once, however often the database is killed under load', async () => {
  const before = (await gateway.items()).length;
  const witnesses = Array.from({ length: 24 }, (_, n) => new Witness(`w${n}`));
  let running = true;
  const clients = witnesses.map(async (witness, n) => {
    while (running) await witness.send(n % 3 === 0 ? 50 : 1);
  });
  for (let kills = 0; kills < 4; kills++) {
    await sleep(400 + kills * 130);
    await postgres.kill();
    await sleep(kills % 2 === 0 ? 0 : 700);
    await postgres.restart();
  }
  const told = (): number => witnesses.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  for (let wait = 0; wait < 600 && told() <= 1_000; wait++) await sleep(50);
  running = false;
  await Promise.all(clients);
  const all = (pick: (witness: Witness) => Set<string>): string[] => witnesses.flatMap((witness) => [...pick(witness)]);
  const acknowledged = all((w) => w.acknowledged);
  const items = (await gateway.items()).slice(before);
  const logged = items.map(({ value }) => JSON.parse(value.toString()).event_id as string);
  const stored = new Set(logged);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  expect(logged).toHaveLength(stored.size);
  const attempted = new Set(all((w) => w.attempted));
  expect(logged.filter((id) => !attempted.has(id))).toEqual([]);
  // "Nothing was taken" is true as well.
  expect(all((w) => w.refused).filter((id) => stored.has(id))).toEqual([]);
  // The counts of the headers are what is in the log.
  const counted = (await gateway.batches())
    .flatMap(({ header }) => header.counts ?? [])
    .reduce((sum, { count }) => sum + count, 0);
  expect(counted).toBe(before + logged.length);
  // A run in which nothing happened proves nothing.
  expect(acknowledged.length).toBeGreaterThan(1_000);
  expect(
    all((w) => w.refused).length + all((w) => w.unknown).length + all((w) => w.attempted).length - acknowledged.length,
  ).toBeGreaterThan(0);
});
