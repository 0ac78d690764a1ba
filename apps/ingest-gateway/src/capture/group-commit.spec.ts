import { MessagingError, type RecordBatch } from '@millrace/messaging';
import { GroupCommit, type GroupCommitDeps, QueueFullError } from './group-commit';

const limits = {
  lingerMsMax: 1,
  batchItemsMax: 100,
  batchBytesMax: 10_000,
  inFlightMax: 2,
  queueBytesMax: 1_000,
  retryMsMax: 1_000,
};
const headers = { format: 'event', tenant: 't', source: 'http', at: '2026-01-01T10:20:30.000Z' };
const item = (text: string, more = {}) => ({ headers: { ...headers, ...more }, value: Buffer.from(text) });

interface Appended {
  readonly batch: RecordBatch;
  readonly partition: string;
}

function setUp(
  append: (appended: Appended) => Promise<void> = async () => undefined,
  overrides: Partial<GroupCommitDeps> = {},
) {
  const log: Appended[] = [];
  let id = 0;
  let time = 0;
  const groupCommit = new GroupCommit({
    messaging: {
      append: async (_topic: string, batch: RecordBatch, options?: { partition?: string }) => {
        const appended = { batch, partition: options?.partition as string };
        log.push(appended);
        await append(appended);
        return [];
      },
    } as never,
    topic: 'events.inbound',
    partitions: ['0', '1'],
    limits,
    newId: () => `id-${id++}`,
    sleep: async (ms) => void (time += ms),
    now: () => time,
    ...overrides,
  });
  return { groupCommit, log };
}

test('requests that arrive together share one append, in order, and are answered after it', async () => {
  let durable = false;
  const { groupCommit, log } = setUp(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    durable = true;
  });
  const answers = [groupCommit.submit([item('a'), item('b')]), groupCommit.submit([item('c')])];
  await Promise.race(answers);
  expect(durable).toBe(true);
  await Promise.all(answers);
  expect(log).toHaveLength(1);
  expect(log[0].batch.records.map((r) => r.value.toString())).toEqual(['a', 'b', 'c']);
});

test('the header counts items by tenant, source and accept hour, and numbers the appends of a partition', async () => {
  const { groupCommit, log } = setUp();
  await groupCommit.submit([
    item('a'),
    item('b', { source: 'pubsub' }),
    item('c'),
    item('d', { at: '2026-01-01T11:00:00.000Z' }),
  ]);
  expect(log[0].batch.header.counts).toEqual([
    { tenant: 't', source: 'http', hour: '2026-01-01T10:00:00.000Z', count: 2 },
    { tenant: 't', source: 'pubsub', hour: '2026-01-01T10:00:00.000Z', count: 1 },
    { tenant: 't', source: 'http', hour: '2026-01-01T11:00:00.000Z', count: 1 },
  ]);
  for (let i = 0; i < 5; i++) await groupCommit.submit([item('x')]);
  for (const partition of ['0', '1']) {
    const sequences = log.filter((a) => a.partition === partition).map((a) => a.batch.header.producer?.sequence);
    expect(sequences).toEqual([0, 1, 2]);
  }
});

test('an append of unknown outcome is repeated under its id until it is known', async () => {
  let failures = 3;
  const { groupCommit, log } = setUp(async () => {
    if (failures-- > 0) throw new MessagingError('MESSAGING_UNKNOWN', 'connection lost');
  });
  await groupCommit.submit([item('a')]);
  expect(log).toHaveLength(4);
  expect(new Set(log.map((a) => `${a.batch.header.appendId} ${a.partition}`)).size).toBe(1);
});

test('an append that stays unknown is refused, and its sequence number is not used again', async () => {
  let away = true;
  const { groupCommit, log } = setUp(
    async () => {
      if (away) throw new MessagingError('MESSAGING_UNKNOWN', 'connection lost');
    },
    { partitions: ['0'] },
  );
  await expect(groupCommit.submit([item('a')])).rejects.toMatchObject({ code: 'MESSAGING_UNKNOWN' });
  away = false;
  await groupCommit.submit([item('b')]);
  expect(log.at(-1)?.batch.header.producer?.sequence).toBe(1);
});

test('a refused append is refused at once and leaves no gap', async () => {
  let full = true;
  const { groupCommit, log } = setUp(
    async () => {
      if (full) throw new MessagingError('MESSAGING_FULL', 'full');
    },
    { partitions: ['0'] },
  );
  await expect(groupCommit.submit([item('a')])).rejects.toMatchObject({ code: 'MESSAGING_FULL' });
  full = false;
  await groupCommit.submit([item('b')]);
  expect(log.map((a) => a.batch.header.producer?.sequence)).toEqual([0, 0]);
});

test('beyond its bytes the queue takes nothing, and takes again once it has drained', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { groupCommit } = setUp(() => held);
  const first = groupCommit.submit([item('x'.repeat(900))]);
  await expect(groupCommit.submit([item('y'.repeat(200))])).rejects.toThrow(QueueFullError);
  release();
  await first;
  expect(groupCommit.heldBytes).toBe(0);
  await groupCommit.submit([item('y'.repeat(200))]);
});

test('an append closes at its item limit without waiting, and at most one is under way per partition', async () => {
  let underWay = 0;
  let most = 0;
  const { groupCommit, log } = setUp(async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, 2));
    underWay--;
  });
  await Promise.all(Array.from({ length: 500 }, (_, i) => groupCommit.submit([item(String(i % 10))])));
  expect(Math.max(...log.map((a) => a.batch.records.length))).toBeLessThanOrEqual(limits.batchItemsMax);
  expect(log.reduce((sum, a) => sum + a.batch.records.length, 0)).toBe(500);
  expect(most).toBe(2);
});

test('draining answers everything that was submitted', async () => {
  const { groupCommit } = setUp(() => new Promise((resolve) => setTimeout(resolve, 3)));
  const answers = Array.from({ length: 20 }, (_, i) => groupCommit.submit([item(String(i))]));
  await groupCommit.drain();
  await expect(Promise.all(answers)).resolves.toHaveLength(20);
});
