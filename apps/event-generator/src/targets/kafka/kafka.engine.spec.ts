import { startedOrNull } from '@millrace/engines';
import { type KafkaEngine, startKafka } from '@millrace/engines/kafka';
import { contentIdOfItem, decode, fromCloudEventKafka } from '@millrace/envelope';
import { startService, type StartedService } from '@millrace/service/testing';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import os from 'node:os';
import { eventGenerator } from '../../service';

let engine: KafkaEngine | null;
let kafka: Kafka;
let service: StartedService | null = null;
let topics = 0;

beforeAll(async () => {
  engine = await startedOrNull('Kafka', startKafka);
  if (engine)
    kafka = new Kafka({
      brokers: [engine.address],
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, maxRetryTime: 1_000 },
    });
}, 600_000);

afterEach(async () => {
  await service?.stop();
  service = null;
});

afterAll(async () => {
  await engine?.stop();
  engine?.dispose();
});

/** A generator that sends to a topic of its own; null where there is no Kafka. */
async function start(env: Record<string, string> = {}): Promise<{ topic: string; url: string } | null> {
  if (!engine) return null;
  const topic = `events-${++topics}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 4 }], waitForLeaders: true });
  await admin.disconnect();
  service = await startService(eventGenerator, {
    STORAGE_ROOT: os.tmpdir(),
    GENERATOR_TARGET: 'kafka',
    KAFKA_BROKERS: engine.address,
    KAFKA_TOPIC: topic,
    ...env,
  });
  return { topic, url: service.url };
}

type Consumed = KafkaMessage & { readonly partition: number };

/** Everything that is in a topic, in the order of each partition. */
async function contents(topic: string): Promise<Consumed[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  // Markers of producers take offsets too, so offsets say where the end is, and not how many messages there are.
  const left = new Map(
    ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, BigInt(high)]),
  );
  const found: Consumed[] = [];
  if (left.size === 0) return found;
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({
      batch,
    }: {
      batch: { partition: number; messages: KafkaMessage[]; lastOffset(): string };
    }) => {
      for (const message of batch.messages) found.push({ ...message, partition: batch.partition });
      if (BigInt(batch.lastOffset()) + 1n >= (left.get(batch.partition) ?? 0n)) left.delete(batch.partition);
      if (left.size === 0) resolve();
    };
    consumer.run({ eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return found;
}

const json = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at here
  return { status: response.status, body: (await response.json()) as any };
};
const post = (url: string) => json(url, { method: 'POST' });

async function load(url: string, body: object, meanwhile: () => Promise<void> = async () => undefined) {
  const headers = { 'content-type': 'application/json' };
  const { body: started } = await json(`${url}/load`, { method: 'POST', headers, body: JSON.stringify(body) });
  await meanwhile();
  for (;;) {
    const { body: status } = await json(`${url}/load/${started.id}`);
    if (status.state !== 'running') {
      const manifest = await (await fetch(`${url}/load/${started.id}/manifest`)).text();
      return {
        status,
        items: manifest
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it('a topic holds the events that were acknowledged, a shipment in the order of its life', async () => {
  const started = await start();
  if (!started) return;
  const { status, body } = await post(`${started.url}/generate/shipment?count=2500&seed=s`);
  expect([status, body.target, body.acknowledged, body.quarantined]).toEqual([200, 'kafka', 2_500, null]);
  const messages = await contents(started.topic);
  const events = messages.map(({ value }) => JSON.parse(String(value)));
  expect(events.map(({ event_id: id }) => id).sort()).toEqual([...body.eventIds].sort());
  expect(new Set(messages.map(({ partition }) => partition)).size).toBe(4);
  const lives = new Map<string, string[]>();
  messages.forEach(({ key, headers }, i) => {
    expect([String(key), String(headers?.['content-type'])]).toEqual([
      events[i].payload.shipment_id,
      'application/json',
    ]);
    lives.set(String(key), [...(lives.get(String(key)) ?? []), events[i].event_id]);
  });
  for (const [shipment, ids] of lives)
    expect(ids).toEqual(body.eventIds.filter((id: string) => id.startsWith(`${shipment}:`)));
}, 120_000);

it('as CloudEvents they are the same events', async () => {
  const started = await start({ GENERATOR_MESSAGE_FORMAT: 'cloudevents' });
  if (!started) return;
  const { body: shipments } = await post(`${started.url}/generate/shipment?count=40&seed=s`);
  const { body: orders } = await post(`${started.url}/generate/order?count=40&seed=s`);
  const ids = (await contents(started.topic)).map(({ value, headers }) => {
    const named = Object.entries(headers ?? {}).map(([name, text]) => [name, Buffer.from(text as Buffer)] as const);
    const read = fromCloudEventKafka({ value, headers: Object.fromEntries(named) });
    if (!read?.mode) throw new Error('no CloudEvent');
    const { value: data, ...how } = read.items[0];
    const decoded = decode(data, { tenant: 't', source: 'kafka', at: '2026-01-05T00:00:00Z', ...how });
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
    return decoded.envelope.eventId;
  });
  expect(ids.sort()).toEqual([...shipments.eventIds, ...orders.eventIds].sort());
}, 120_000);

it('a load is in the topic as its books say, whatever is damaged in it', async () => {
  const started = await start();
  if (!started) return;
  const shares = { duplicates: 0.2, late: 0.1, corrupt: 0.2 };
  const { status, items } = await load(started.url, {
    type: 'inventory',
    ratePerSecond: 2_000,
    seconds: 1,
    ...shares,
    seed: 's',
  });
  expect(status).toMatchObject({ state: 'finished', acknowledged: 2_000, expected: { received: 2_000, exact: true } });
  const messages = await contents(started.topic);
  expect(messages).toHaveLength(2_000);
  const accepted = messages.flatMap(({ value }) => {
    const decoded = decode(value as Buffer, {
      format: 'event',
      tenant: 't',
      source: 'kafka',
      at: '2026-01-05T00:00:00Z',
    });
    return decoded.ok ? [contentIdOfItem(value as Buffer)] : [];
  });
  const { landed, duplicate, quarantined } = status.expected;
  expect([accepted.length, new Set(accepted).size]).toEqual([landed + duplicate, landed]);
  expect(quarantined).toBe(2_000 - accepted.length);
  expect(accepted.sort()).toEqual(items.flatMap(({ eventId }) => eventId ?? []).sort());
}, 120_000);

it('nothing that is acknowledged is lost when the broker dies, and what is sent again keeps its ids', async () => {
  const started = await start({ GENERATOR_REQUEST_TIMEOUT: '3s', GENERATOR_RETRY_MAX: '1m' });
  if (!started || !engine) return;
  const { status, items } = await load(
    started.url,
    { type: 'order', ratePerSecond: 400, seconds: 6, seed: 's' },
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await engine?.kill();
      engine = (await engine?.restart()) ?? null;
    },
  );
  const stored = new Set((await contents(started.topic)).map(({ value }) => contentIdOfItem(value as Buffer)));
  const acknowledged = items.filter(({ outcome }) => outcome === 'acknowledged').map(({ eventId }) => eventId);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  const sent = new Set(items.map(({ eventId }) => eventId));
  expect([...stored].filter((id) => !sent.has(id))).toEqual([]);
  // The outage was there, and did not last.
  expect(status.requests.retries + status.unknown).toBeGreaterThan(0);
  expect(status.acknowledged).toBeGreaterThan(1_200);
}, 180_000);

it('says so where the topic is not there', async () => {
  const started = await start({ KAFKA_TOPIC: 'nowhere', GENERATOR_RETRY_MAX: '1s' });
  if (!started) return;
  const { status, body } = await post(`${started.url}/generate/order?count=2`);
  expect([status, body.detail]).toEqual([502, expect.stringMatching(/^0 of 2 events .*topic/)]);
}, 60_000);
