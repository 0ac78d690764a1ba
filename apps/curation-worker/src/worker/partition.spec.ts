import type { Delivery } from '@millrace/messaging';
import type { LandOutcome, Prepared } from '../landing/lander';
import { MemoryLandingStore } from '../landing/memory/store';
import { CountMismatch } from '../pipeline/counts';
import { batchOf, shipmentEvent } from '../testing/landing-bench';
import { testLogger, until } from '../testing/worker-under-test';
import { noFailpoints } from '@millrace/observability/failpoints';
import { OwnedPartition } from './partition';
import { Semaphore } from './semaphore';

const ID = { topic: 'events.inbound', partition: '0' };

interface Script {
  /** What each call of `land` answers, by how-manieth; afterwards it lands. */
  readonly answers?: Record<number, LandOutcome['kind'] | Error>;
  /** Whether reading a batch finds it miscounted. */
  readonly miscounted?: boolean;
}

/** A partition whose landings are scripted and whose waits end when told to. */
async function scripted({ answers = {}, miscounted = false }: Script) {
  const store = new MemoryLandingStore();
  const epoch = await store.register('w');
  const position = await store.take(ID, epoch, 0);
  const landed: [number, number][] = [];
  const session = new AbortController();
  let calls = 0;
  let endWait: () => void = () => undefined;
  let waiting = false;
  const partition = new OwnedPartition(ID, epoch, position, {
    store,
    lanes: new Semaphore(3),
    retryInMs: () => 1_000,
    failpoint: noFailpoints,
    logger: testLogger,
    sessionSignal: session.signal,
    onLanded: () => undefined,
    onFatal: (error) => session.abort(error),
    timers: {
      sleep: () => new Promise<void>((resolve) => ((waiting = true), (endWait = resolve))),
      every: () => () => undefined,
    },
    lander: {
      prepare: async (batch) => {
        if (miscounted) throw new CountMismatch('the header says 4, the records are 5');
        return { batch } as Prepared;
      },
      land: async ({ batch }) => {
        const answer = answers[calls++];
        if (answer instanceof Error) throw answer;
        if (answer !== undefined && answer !== 'landed') return { kind: answer } as LandOutcome;
        const range = batch.range as { from: number; to: number };
        const landing = await store.begin();
        expect(await landing.movePosition({ ...ID, epoch, ...range, acceptedTo: null })).toBe('moved');
        await landing.commit({ batchId: calls, epoch, contractsIndex: 0, keysEpoch: 0 });
        landed.push([range.from, range.to]);
        return { kind: 'landed' } as LandOutcome;
      },
    },
  });
  return { partition, landed, session, endWait: () => endWait(), isWaiting: () => waiting };
}

function deliver(from: number, to: number, log: string[]): Delivery {
  const items = Array.from({ length: to - from }, (_, i) => shipmentEvent(`e${from + i}`));
  const { items: received } = batchOf(items, from);
  const records = received.map(({ value, offset, origin }) => ({ value, offset, headers: origin.headers as never }));
  return {
    ...ID,
    range: { from, to },
    count: to - from,
    attempts: 0,
    signal: new AbortController().signal,
    batches: [{ header: { appendId: 'a' }, appendedAt: new Date(0), base: from, size: to - from, records }],
    ack: async () => void log.push(`ack ${from}-${to}`),
    nack: async () => void log.push(`nack ${from}-${to}`),
  } as Delivery;
}

test('what is handed out while a failed delivery is on its way back is no gap', async () => {
  const { partition, landed, endWait, isWaiting } = await scripted({ answers: { 0: 'not_owner' } });
  const log: string[] = [];
  const first = partition.handle(deliver(0, 5, log));
  await until(isWaiting);
  const between = partition.handle(deliver(5, 9, log));
  endWait();
  await Promise.all([first, between]);
  expect(log).toEqual(['nack 0-5']);
  expect(partition.stopped).toBeNull();

  await partition.handle(deliver(0, 9, log));
  expect(landed.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7, 8,
  ]);
});

test('records that the log really lacks stop the partition, and their delivery is handed back when the session ends', async () => {
  const { partition, landed } = await scripted({});
  const log: string[] = [];
  await partition.handle(deliver(3, 6, log));
  expect(partition.stopped).toMatch('continues at 3');
  await partition.handle(deliver(6, 9, log));
  expect(landed).toEqual([]);
  expect(log).toEqual([]);
  await partition.handBack();
  expect(log).toEqual(['nack 3-6', 'nack 6-9']);
});

test('a batch whose header miscounts it stops the partition, however often it is tried, and is never cut into pieces', async () => {
  const { partition, landed } = await scripted({ miscounted: true });
  const log: string[] = [];
  for (let i = 0; i < 6; i++) await partition.handle(deliver(0, 5, log));
  expect(partition.stopped).toMatch('the header says 4');
  expect([landed, log.filter((entry) => entry.startsWith('ack'))]).toEqual([[], []]);
});

test('what has landed is not handed back when its acknowledgement fails, and what was read after it lands', async () => {
  const { partition, landed } = await scripted({});
  const log: string[] = [];
  const first = { ...deliver(0, 4, log), ack: () => Promise.reject(new Error('the log does not answer')) };
  await Promise.all([partition.handle(first), partition.handle(deliver(4, 9, log))]);
  await partition.handle(deliver(9, 12, log));
  expect(landed).toEqual([
    [0, 4],
    [4, 9],
    [9, 12],
  ]);
  expect(log).toEqual(['ack 4-9', 'ack 9-12']);
  expect(partition.stopped).toBeNull();
});

test('contracts that outrun a landing have it cut in halves, until it lands; then it grows again', async () => {
  const { partition, landed } = await scripted({ answers: { 0: 'outrun', 1: 'outrun' } });
  const log: string[] = [];
  await Promise.all([partition.handle(deliver(0, 9, log)), partition.handle(deliver(9, 40, log))]);
  expect(landed).toEqual([
    [0, 3],
    [3, 9],
    [9, 21],
    [21, 40],
  ]);
  expect(log).toEqual(['ack 0-9', 'ack 9-40']);
});
