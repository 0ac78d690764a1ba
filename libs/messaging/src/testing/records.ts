import { newAppendId } from '../append-id';
import type { Delivery, LogRecord, Messaging, RecordBatch, Subscription } from '../port';

export const record = (value: string, key: string | null = null, headers = {}): LogRecord => ({
  key,
  headers,
  value: Buffer.from(value),
});

export const batchOf = (...values: string[]): RecordBatch => ({
  header: { appendId: newAppendId() },
  records: values.map((value) => record(value)),
});

export const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

export const valuesOf = (delivery: Delivery): string[] =>
  delivery.batches.flatMap(({ records }) => records.map(({ value }) => value.toString()));

/** The next delivery, which must be one. */
export async function nextOf(subscription: Subscription): Promise<Delivery> {
  const delivery = await subscription.next();
  if (!delivery) throw new Error('the subscription is closed');
  return delivery;
}

/** Values in the order of delivery, each delivery acknowledged, until `count` records have come. */
export async function take(subscription: Subscription, count: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < count) {
    const delivery = await nextOf(subscription);
    values.push(...valuesOf(delivery));
    await delivery.ack();
  }
  return values;
}

/** Whether the promise is still open after a while. */
export async function waits(promise: Promise<unknown>, ms = 150): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const open = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(true), ms)));
  const result = await Promise.race([
    open,
    promise.then(
      () => false,
      () => false,
    ),
  ]);
  clearTimeout(timer);
  return result;
}

/** Resolves once `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms = 30_000,
  what = String(condition),
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads and acknowledges in the background. */
export function consume(subscription: Subscription): { values: string[]; done: Promise<void> } {
  const values: string[] = [];
  const done = (async () => {
    for (let delivery = await subscription.next(); delivery; delivery = await subscription.next()) {
      values.push(...valuesOf(delivery));
      await delivery.ack();
    }
  })();
  return { values, done };
}

export async function total(positions: Promise<ReadonlyMap<string, number>>): Promise<number> {
  return [...(await positions).values()].reduce((sum, position) => sum + position, 0);
}

export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error) => error.code,
  );
}

/** A topic with a name of its own, so that tests may share a broker. */
export async function freshTopic(
  messaging: Messaging,
  options: Parameters<Messaging['ensureTopic']>[1],
): Promise<string> {
  const topic = `conformance.${newAppendId()}`;
  await messaging.ensureTopic(topic, options);
  return topic;
}
