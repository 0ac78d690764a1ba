import type { Messaging } from '@millrace/messaging';
import { systemRandom } from '@millrace/observability';
import { sealRecords } from '@millrace/privacy';
import { createMemoryMessaging } from '@millrace/messaging/memory';
import { v4 } from 'uuid';
import { createLogTail } from './log-tail';

const TOPIC = 'events.inbound';
let messaging: Messaging;
/** An engine whose reader without a group begins where it is told to. */
let readable: Pick<Messaging, 'subscribe' | 'ends'>;
let groups = 0;

beforeEach(async () => {
  messaging = createMemoryMessaging({ pollMs: 20, graceMs: 20 });
  await messaging.ensureTopic(TOPIC, { partitions: 2 });
  readable = {
    ends: (topic) => messaging.ends(topic),
    subscribe: (options) => messaging.subscribe({ ...options, group: options.group ?? `reader-${groups++}` }),
  };
});
afterEach(() => messaging.close());

async function append(partition: string, ...ids: string[]): Promise<void> {
  const headers = { format: 'event', tenant: 't', source: 'http', at: '2026-03-01T10:00:00.000Z' };
  const records = ids.map((id) => ({
    headers,
    value: Buffer.from(JSON.stringify({ event_id: id, event_type: 'a.b', payload: {} })),
  }));
  await messaging.append(TOPIC, { header: { appendId: v4() }, records }, { partition });
}

test('an event is found between the positions, and not before them', async () => {
  await append('0', 'a', 'b');
  await append('1', 'c');
  await append('0', 'd');
  const inTail = createLogTail(readable as Messaging, TOPIC);
  const ends = await messaging.ends(TOPIC);
  const from = new Map([
    ['0', 2],
    ['1', 0],
  ]);
  expect(await inTail('t', 'd', from, ends)).toBe(true);
  expect(await inTail('t', 'c', from, ends)).toBe(true);
  expect(await inTail('t', 'a', from, ends)).toBe(false);
  expect(await inTail('t', 'nowhere', from, ends)).toBe(false);
});

test('with nothing between the positions nothing is read', async () => {
  await append('0', 'a');
  const ends = await messaging.ends(TOPIC);
  const inTail = createLogTail({ subscribe: () => Promise.reject(new Error('read')) } as unknown as Messaging, TOPIC);
  expect(await inTail('t', 'a', ends, ends)).toBe(false);
});

test('an engine that does not read back gives no answer rather than a wrong one', async () => {
  await append('0', 'a');
  const ends = await messaging.ends(TOPIC);
  const later = new Map([...ends].map(([partition]) => [partition, partition === '0' ? 1 : 0]));
  const forgetful = {
    ...readable,
    subscribe: (options: Parameters<Messaging['subscribe']>[0]) =>
      readable.subscribe({ ...options, onAssigned: async (partition) => later.get(partition) ?? 0 }),
  };
  const asked = createLogTail(forgetful as unknown as Messaging, TOPIC)('t', 'a', new Map(), new Map([['0', 2]]));
  await append('0', 'b');
  expect(await asked).toBeNull();
});

test('sealed events are found by who has their key; who has not cannot tell', async () => {
  const key = { id: 'd2026-03-01', key: Buffer.alloc(32, 7) };
  const headers = { format: 'pubsub', tenant: 't', source: 'http', at: '2026-03-01T10:00:00.000Z', attributes: '{}' };
  const values = ['a', 'b'].map((id) => Buffer.from(JSON.stringify({ event_id: id, event_type: 'a.b', payload: {} })));
  const sealed = sealRecords(headers, values, key, systemRandom);
  const records = sealed.values.map((value) => ({ headers: sealed.headers, value }));
  await messaging.append(TOPIC, { header: { appendId: v4() }, records }, { partition: '0' });
  const ends = await messaging.ends(TOPIC);
  const tail = (find?: (id: string) => Promise<typeof key | null>) => createLogTail(readable as Messaging, TOPIC, find);
  const having = async (id: string) => (id === key.id ? key : null);
  expect(await tail(having)('t', 'b', new Map(), ends)).toBe(true);
  expect(await tail(having)('t', 'nowhere', new Map(), ends)).toBe(false);
  expect(await tail()('t', 'b', new Map(), ends)).toBeNull();
  expect(await tail()('another', 'b', new Map(), ends)).toBe(false);
  expect(await tail(async () => ({ ...key, key: Buffer.alloc(32) }))('t', 'b', new Map(), ends)).toBeNull();
});
