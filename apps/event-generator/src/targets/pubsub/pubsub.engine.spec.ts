import os from 'node:os';
import { type Message, PubSub, type Subscription } from '@google-cloud/pubsub';
import { type Engine, startedOrNull } from '@millrace/engines';
import { startPubsub } from '@millrace/engines/pubsub';
import { contentIdOfItem, decode } from '@millrace/envelope';
import { startService, type StartedService } from '@millrace/service/testing';
import { eventGenerator } from '../../service';

const PROJECT = 'spec';

let engine: Engine | null;
let pubsub: PubSub;
let service: StartedService | null = null;
let topics = 0;

beforeAll(async () => {
  engine = await startedOrNull('Pub/Sub', startPubsub);
  const credentials = { client_email: 'nobody@example.com', private_key: 'none' };
  if (engine) pubsub = new PubSub({ projectId: PROJECT, apiEndpoint: engine.address, emulatorMode: true, credentials });
}, 600_000);

afterEach(async () => {
  await service?.stop();
  service = null;
});

afterAll(async () => {
  await pubsub?.close();
  await engine?.stop();
});

/** A generator that sends to a topic of its own, and what receives from there; null where there is no Pub/Sub. */
async function start(env: Record<string, string> = {}): Promise<{ url: string; subscription: Subscription } | null> {
  if (!engine) return null;
  const name = `events-${++topics}`;
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription(`${name}-reader`, { enableMessageOrdering: true });
  service = await startService(eventGenerator, {
    STORAGE_ROOT: os.tmpdir(),
    GENERATOR_TARGET: 'pubsub',
    GCP_PROJECT_ID: PROJECT,
    PUBSUB_TOPIC_NAME: name,
    PUBSUB_EMULATOR_HOST: engine.address,
    ...env,
  });
  return { url: service.url, subscription };
}

/** The first messages of a subscription, in the order of their delivery. */
function received(subscription: Subscription, count: number): Promise<Message[]> {
  const found: Message[] = [];
  return new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', (message: Message) => {
      message.ack();
      found.push(message);
      if (found.length === count) resolve(subscription.close().then(() => found));
    });
  });
}

async function post(url: string, body?: object) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', ...(body && { headers, body: JSON.stringify(body) }) });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at here
  return { status: response.status, body: (await response.json()) as any };
}

it('a topic gets the events that were acknowledged', async () => {
  const started = await start();
  if (!started) return;
  const { status, body } = await post(`${started.url}/generate/user_activity?count=300&seed=s`);
  expect([status, body.target, body.acknowledged, body.quarantined]).toEqual([200, 'pubsub', 300, null]);
  const messages = await received(started.subscription, 300);
  expect(messages.map(({ data }) => contentIdOfItem(data)).sort()).toEqual([...body.eventIds].sort());
  expect(
    new Set(messages.map(({ attributes, orderingKey }) => `${attributes['content-type']} ${orderingKey}`)),
  ).toEqual(new Set(['application/json ']));
}, 120_000);

it('with ordering keys a shipment comes in the order of its life', async () => {
  const started = await start({ PUBSUB_ORDERING: 'true' });
  if (!started) return;
  const { body } = await post(`${started.url}/generate/shipment?count=60&seed=s`);
  const lives = new Map<string, string[]>();
  for (const { data, orderingKey } of await received(started.subscription, 60)) {
    const { event_id: id, payload } = JSON.parse(data.toString());
    expect(orderingKey).toBe(payload.shipment_id);
    lives.set(payload.shipment_id, [...(lives.get(payload.shipment_id) ?? []), id]);
  }
  for (const [shipment, ids] of lives)
    expect(ids).toEqual(body.eventIds.filter((id: string) => id.startsWith(`${shipment}:`)));
}, 120_000);

it('as CloudEvents they are the same events', async () => {
  const started = await start({ GENERATOR_MESSAGE_FORMAT: 'cloudevents' });
  if (!started) return;
  const { body } = await post(`${started.url}/generate/telemetry?count=30&seed=s`);
  const ids = (await received(started.subscription, 30)).map(({ data, attributes }) => {
    const headers = { format: 'pubsub', tenant: 't', source: 'pubsub', at: '2026-01-05T00:00:00Z' } as const;
    const decoded = decode(data, { ...headers, attributes: JSON.stringify(attributes) });
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
    return decoded.envelope.eventId;
  });
  expect(ids.sort()).toEqual([...body.eventIds].sort());
}, 120_000);

it('a load is in the topic as its books say, whatever is damaged in it', async () => {
  const started = await start();
  if (!started) return;
  const shares = { duplicates: 0.1, late: 0.1, corrupt: 0.2 };
  const load = { type: 'telemetry', ratePerSecond: 400, seconds: 1, ...shares, seed: 's' };
  const { body } = await post(`${started.url}/load`, load);
  const messages = await received(started.subscription, 400);
  const ids = messages.flatMap(({ data }) => {
    const decoded = decode(data, { format: 'event', tenant: 't', source: 'pubsub', at: '2026-01-05T00:00:00Z' });
    return decoded.ok ? [decoded.envelope.eventId] : [];
  });
  const answer = await fetch(`${started.url}/load/${body.id}`);
  const { expected } = (await answer.json()) as {
    expected: Record<string, unknown> & { landed: number; duplicate: number };
  };
  expect([expected.received, expected.exact]).toEqual([400, true]);
  expect([ids.length, new Set(ids).size]).toEqual([expected.landed + expected.duplicate, expected.landed]);
}, 120_000);

it('says so where the topic is not there, at once', async () => {
  const started = await start({ PUBSUB_TOPIC_NAME: 'nowhere' });
  if (!started) return;
  const { status, body } = await post(`${started.url}/generate/order?count=2`);
  expect([status, body.detail]).toEqual([502, expect.stringMatching(/^0 of 2 events .*of 0 it is unknown.*nowhere/)]);
}, 60_000);

it('says so where the server is not there, once it has tried for long enough', async () => {
  const started = await start({
    GENERATOR_RETRY_MAX: '300ms',
    GENERATOR_REQUEST_TIMEOUT: '500ms',
    PUBSUB_EMULATOR_HOST: '127.0.0.1:9',
  });
  if (!started) return;
  const { status, body } = await post(`${started.url}/generate/order?count=2&seed=s`);
  expect([status, body.detail]).toEqual([502, expect.stringMatching(/^0 of 2 events/)]);
}, 60_000);
