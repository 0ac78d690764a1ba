import { setTimeout as sleep } from 'node:timers/promises';
import { createMemoryMessaging } from '../memory';
import type { Delivery } from '../port';
import { ConsumeLoop, jsonRecords } from './index';

const record = (value: unknown) => ({ key: null, headers: {}, value: Buffer.from(JSON.stringify(value)) });
const append = (messaging: ReturnType<typeof createMemoryMessaging>, id: number, values: unknown[]) =>
  messaging.append('t', {
    header: { appendId: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}` },
    records: values.map(record),
  });

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

async function setUp(handle: (delivery: Delivery) => Promise<void>) {
  const messaging = createMemoryMessaging();
  await messaging.ensureTopic('t', { partitions: 1 });
  await messaging.ensureGroup('t', 'g');
  const errors: unknown[] = [];
  const loop = new ConsumeLoop({
    messaging,
    subscribe: { topic: 't', group: 'g', eventsMax: 2 },
    handle,
    onError: (error) => errors.push(error),
    sleep: (ms) => sleep(ms),
    backoffMs: { min: 1, max: 5 },
  });
  return { messaging, loop, errors };
}

test('deliveries are handled one after another, in order, and acknowledged', async () => {
  const seen: number[] = [];
  let underWay = 0;
  const { messaging, loop } = await setUp(async (delivery) => {
    expect(++underWay).toBe(1);
    seen.push(...jsonRecords<number>(delivery));
    await sleep(1);
    underWay--;
  });
  await loop.start();
  await append(messaging, 1, [1, 2, 3, 4, 5]);
  await until(() => seen.length === 5);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  await loop.stop();
  expect(await messaging.committed('t', 'g')).toEqual(new Map([['0', 5]]));
  await messaging.close();
});

test('a delivery that fails comes again until it is handled, and nothing is passed over', async () => {
  const seen: number[] = [];
  let failures = 3;
  const { messaging, loop, errors } = await setUp(async (delivery) => {
    if (failures-- > 0) throw new Error('not now');
    seen.push(...jsonRecords<number>(delivery));
  });
  await loop.start();
  await append(messaging, 1, [1, 2, 3]);
  await until(() => seen.length >= 3);
  expect(seen).toEqual([1, 2, 3]);
  expect(errors).toHaveLength(3);
  expect(loop.healthy).toBe(true);
  await loop.stop();
  await messaging.close();
});

test('stopping ends a wait after a failure at once, and leaves the delivery to the next one', async () => {
  const { messaging, loop } = await setUp(async () => {
    throw new Error('never');
  });
  await loop.start();
  await append(messaging, 1, [1]);
  await until(() => !loop.healthy);
  await loop.stop();
  expect((await messaging.committed('t', 'g')).get('0') ?? 0).toBe(0);
  await messaging.close();
});
