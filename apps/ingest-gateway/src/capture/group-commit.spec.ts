import { MessagingError, type MessagingErrorCode, type RecordBatch } from '@millrace/messaging';
import fc from 'fast-check';
import { ManualTimers } from '../testing/manual-timers';
import { GroupCommit, type GroupCommitLimits, QueueFullError, QueueTimeoutError } from './group-commit';
import { ITEM_OVERHEAD_BYTES } from './limits';

const limits: GroupCommitLimits = {
  lingerMsMax: 2,
  turnItems: 1,
  batchItemsMax: 100,
  batchBytesMax: 10_000,
  inFlightMax: 2,
  queueBytesMax: 200_000,
  queueMsMax: 5_000,
  retryMsMax: 1_000,
};
const headers = { format: 'event', tenant: 't', source: 'http', at: '2026-01-01T10:20:30.000Z' };
const item = (text: string, more = {}) => ({ headers: { ...headers, ...more }, value: Buffer.from(text) });
const failure = (code: MessagingErrorCode) => new MessagingError(code, code);

interface Appended {
  readonly batch: RecordBatch;
  readonly partition: string;
}

/** A log whose appends take `appendMs`, or fail as `fail` says; timers stand still. */
function setUp(options: { appendMs?: number; limits?: Partial<GroupCommitLimits>; partitions?: string[] } = {}) {
  const log: Appended[] = [];
  const timers = new ManualTimers();
  const failing: { with: ((nth: number) => unknown) | null } = { with: null };
  let id = 0;
  const groupCommit = new GroupCommit({
    append: async (batch, partition) => {
      log.push({ batch, partition });
      const error = failing.with?.(log.length);
      await new Promise<void>((resolve) => void timers.after(options.appendMs ?? 1, resolve));
      if (error) throw error;
    },
    partitions: options.partitions ?? ['0', '1'],
    limits: { ...limits, ...options.limits },
    newId: () => `id-${id++}`,
    timers,
  });
  return { groupCommit, log, timers, failing };
}

const texts = ({ batch }: Appended): string[] => batch.records.map((r) => r.value.toString());
const sequences = (log: readonly Appended[]) => log.map((a) => a.batch.header.producer?.sequence);

/** What became of a promise by now. */
function outcome(promise: Promise<void>): { value: 'pending' | 'resolved' | Error } {
  const seen: { value: 'pending' | 'resolved' | Error } = { value: 'pending' };
  promise.then(
    () => (seen.value = 'resolved'),
    (error: Error) => (seen.value = error),
  );
  return seen;
}

test('requests that arrive together share one append, in order, and are answered only after it', async () => {
  const { groupCommit, log, timers } = setUp({ appendMs: 5 });
  // A busier moment before: half of four requests are worth an append.
  void Promise.all([1, 2, 3, 4, 5, 6].map((n) => groupCommit.submit([item(`before-${n}`)])));
  await timers.pass(100);
  log.length = 0;
  const answers = [groupCommit.submit([item('a'), item('b')]), groupCommit.submit([item('c')])].map(outcome);
  await timers.pass(4);
  expect(log.map(texts)).toEqual([['a', 'b', 'c']]);
  expect(answers.map(({ value }) => value)).toEqual(['pending', 'pending']);
  await timers.pass(1);
  expect(answers.map(({ value }) => value)).toEqual(['resolved', 'resolved']);
});

test('a single caller waits for nobody', async () => {
  const { groupCommit, log, timers } = setUp();
  for (let i = 0; i < 3; i++) {
    const answer = outcome(groupCommit.submit([item(String(i))]));
    await timers.pass(1);
    expect(answer.value).toBe('resolved');
  }
  expect(log).toHaveLength(3);
});

test('beside an append under way another begins after the linger at the latest', async () => {
  const { groupCommit, log, timers } = setUp({ appendMs: 100 });
  void Promise.all(Array.from({ length: 20 }, (_, n) => groupCommit.submit([item(`before-${n}`)])));
  await timers.pass(300);
  log.length = 0;
  void groupCommit.submit([item('a')]);
  await timers.pass(10);
  void groupCommit.submit([item('b')]);
  await timers.pass(1);
  void groupCommit.submit([item('c')]);
  expect(log.map(texts)).toEqual([['a']]);
  await timers.pass(1);
  expect(log.map(texts)).toEqual([['a'], ['b', 'c']]);
});

test('the header counts items by tenant, source and accept hour, and numbers the appends of a partition', async () => {
  const { groupCommit, log, timers } = setUp();
  const later = { at: '2026-01-01T11:00:00.000Z' };
  void groupCommit.submit([item('a'), item('b', { source: 'pubsub' }), item('c'), item('d', later)]);
  await timers.pass(1);
  expect(log[0].batch.header.counts).toEqual([
    { tenant: 't', source: 'http', hour: '2026-01-01T10:00:00.000Z', count: 2 },
    { tenant: 't', source: 'pubsub', hour: '2026-01-01T10:00:00.000Z', count: 1 },
    { tenant: 't', source: 'http', hour: '2026-01-01T11:00:00.000Z', count: 1 },
  ]);
  for (let i = 0; i < 5; i++) {
    void groupCommit.submit([item('x')]);
    await timers.pass(1);
  }
  for (const partition of ['0', '1']) {
    expect(sequences(log.filter((a) => a.partition === partition))).toEqual([0, 1, 2]);
  }
});

test('an append of unknown outcome is repeated under its id, in its partition, until it is known', async () => {
  const { groupCommit, log, timers, failing } = setUp();
  failing.with = (nth) => (nth <= 3 ? failure('MESSAGING_UNKNOWN') : null);
  const answer = outcome(groupCommit.submit([item('a')]));
  await timers.pass(500);
  expect(answer.value).toBe('resolved');
  expect(log).toHaveLength(4);
  expect(new Set(log.map((a) => `${a.batch.header.appendId} ${a.partition}`)).size).toBe(1);
});

test.each<MessagingErrorCode>(['MESSAGING_UNAVAILABLE', 'MESSAGING_CLOSED'])(
  'an append that may have happened stays unknown when the log then answers %s',
  async (code) => {
    const { groupCommit, log, timers, failing } = setUp({ partitions: ['0'] });
    failing.with = (nth) => failure(nth === 1 ? 'MESSAGING_UNKNOWN' : code);
    const answer = outcome(groupCommit.submit([item('a')]));
    await timers.pass(2_000);
    expect(answer.value).toMatchObject({ code: 'MESSAGING_UNKNOWN' });
    failing.with = null;
    log.length = 0;
    void groupCommit.submit([item('b')]);
    await timers.pass(1);
    expect(sequences(log)).toEqual([1]);
  },
);

test.each<MessagingErrorCode>(['MESSAGING_FULL', 'MESSAGING_UNAVAILABLE', 'MESSAGING_TOO_LARGE'])(
  'an append that surely did not happen (%s) is refused at once and leaves no gap',
  async (code) => {
    const { groupCommit, log, timers, failing } = setUp({ partitions: ['0'] });
    failing.with = () => failure(code);
    const answer = outcome(groupCommit.submit([item('a')]));
    await timers.pass(1);
    expect(answer.value).toMatchObject({ code });
    failing.with = null;
    void groupCommit.submit([item('b')]);
    await timers.pass(1);
    expect(sequences(log)).toEqual([0, 0]);
  },
);

test('a full log that was asked again after an unknown outcome has the last word', async () => {
  const { groupCommit, timers, failing } = setUp();
  failing.with = (nth) => failure(nth === 1 ? 'MESSAGING_UNKNOWN' : 'MESSAGING_FULL');
  const answer = outcome(groupCommit.submit([item('a')]));
  await timers.pass(1_000);
  expect(answer.value).toMatchObject({ code: 'MESSAGING_FULL' });
});

test('beyond its memory the queue takes nothing, small items weighing more than their bytes, and takes again', async () => {
  const { groupCommit, timers } = setUp({ appendMs: 50, limits: { queueBytesMax: 100 * (ITEM_OVERHEAD_BYTES + 1) } });
  const first = outcome(groupCommit.submit(Array.from({ length: 100 }, () => item('x'))));
  await expect(groupCommit.submit([item('y')])).rejects.toThrow(QueueFullError);
  await timers.pass(50);
  expect(first.value).toBe('resolved');
  expect(groupCommit.heldBytes).toBe(0);
  const again = outcome(groupCommit.submit([item('y')]));
  await timers.pass(50);
  expect(again.value).toBe('resolved');
});

test('a request that waits too long for its turn is refused, and those before and after it are not', async () => {
  const { groupCommit, timers } = setUp({ appendMs: 6_000, limits: { inFlightMax: 1 } });
  const first = outcome(groupCommit.submit([item('a')]));
  await timers.pass(500);
  const second = outcome(groupCommit.submit([item('b')]));
  await timers.pass(2_000);
  const third = outcome(groupCommit.submit([item('c')]));
  await timers.pass(3_100);
  expect([first, second, third].map(({ value }) => value)).toEqual([
    'pending',
    expect.any(QueueTimeoutError),
    'pending',
  ]);
  await timers.pass(10_000);
  expect([first, third].map(({ value }) => value)).toEqual(['resolved', 'resolved']);
  expect(groupCommit.heldBytes).toBe(0);
});

test('draining answers everything that was submitted', async () => {
  const { groupCommit, timers } = setUp({ appendMs: 3 });
  const answers = Array.from({ length: 20 }, (_, i) => outcome(groupCommit.submit([item(String(i))])));
  const drained = [outcome(groupCommit.drain()), outcome(groupCommit.drain())];
  await timers.pass(100);
  expect(answers.every(({ value }) => value === 'resolved')).toBe(true);
  expect(drained.map(({ value }) => value)).toEqual(['resolved', 'resolved']);
});

/** Requests and faults in any order: what was promised to callers holds in the log. */
test('whatever happens, an item acknowledged is in the log once under one append id, and none refused for sure is', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ submit: fc.integer({ min: 1, max: 150 }), bytes: fc.integer({ min: 0, max: 300 }) }),
    },
    { weight: 3, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 40 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        fault: fc.constantFrom<MessagingErrorCode | null>(
          'MESSAGING_UNKNOWN',
          'MESSAGING_UNAVAILABLE',
          'MESSAGING_FULL',
          null,
        ),
        stored: fc.boolean(),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), async (steps, inFlightMax) => {
      const timers = new ManualTimers();
      const stored = new Map<string, string[]>();
      const used = new Set<string>();
      let fault: { code: MessagingErrorCode; stored: boolean } | null = null;
      let most = 0;
      let underWay = 0;
      let ids = 0;
      const groupCommit = new GroupCommit({
        append: async ({ header, records }, partition) => {
          most = Math.max(most, ++underWay);
          const now = fault;
          // An unknown outcome is one that may have happened; the log stores an append id once.
          if (!now || (now.code === 'MESSAGING_UNKNOWN' && now.stored)) {
            stored.set(
              header.appendId,
              records.map((r) => r.value.toString()),
            );
            used.add(`${partition} ${header.producer?.sequence} ${header.appendId}`);
          }
          await new Promise<void>((resolve) => void timers.after(7, resolve));
          underWay--;
          // An engine that is asked again under an id that it has says that it has it.
          if (now && !(now.code === 'MESSAGING_FULL' && stored.has(header.appendId))) throw failure(now.code);
        },
        partitions: ['0', '1', '2'],
        limits: { ...limits, inFlightMax, retryMsMax: 100, queueMsMax: 200 },
        newId: () => `id-${ids++}`,
        timers,
      });
      const requests: { names: string[]; seen: { value: unknown } }[] = [];
      for (const each of steps) {
        if ('pass' in each) await timers.pass(each.pass);
        else if ('fault' in each) fault = each.fault === null ? null : { code: each.fault, stored: each.stored };
        else {
          const names = Array.from(
            { length: each.submit },
            (_, n) => `${requests.length}/${n}${'.'.repeat(each.bytes)}`,
          );
          requests.push({ names, seen: outcome(groupCommit.submit(names.map((name) => item(name)))) });
        }
      }
      fault = null;
      await timers.pass(5_000);
      const appends = [...stored.values()];
      for (const { names, seen } of requests) {
        const holding = appends.filter((append) => append.includes(names[0]));
        if (seen.value === 'resolved') {
          expect(holding).toHaveLength(1);
          const at = holding[0].indexOf(names[0]);
          expect(holding[0].slice(at, at + names.length)).toEqual(names);
        } else if ((seen.value as { code?: string }).code === 'MESSAGING_UNKNOWN') {
          expect(holding.length).toBeLessThanOrEqual(1);
        } else {
          expect(seen.value).toBeInstanceOf(Error);
          expect(holding).toHaveLength(0);
        }
      }
      // A number of a partition names one append for ever.
      expect(new Set([...used].map((key) => key.split(' ').slice(0, 2).join(' '))).size).toBe(used.size);
      expect(most).toBeLessThanOrEqual(inFlightMax);
      expect(groupCommit.heldBytes).toBe(0);
      for (const append of appends)
        if (append.length > limits.batchItemsMax) expect(new Set(append.map((n) => n.split('/')[0])).size).toBe(1);
    }),
    { numRuns: 200 },
  );
});
