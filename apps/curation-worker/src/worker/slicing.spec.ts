import fc from 'fast-check';
import type { PartitionId } from '../landing/port';
import { MemoryLandingStore } from '../landing/memory/store';
import { nextSlice } from './slicing';

const P: PartitionId = { topic: 't', partition: '0' };

/** A worker that dies on every try that includes a poisonous offset, and is started again each time. */
async function run(
  events: number,
  poison: ReadonlySet<number>,
  kills: readonly number[] = [],
): Promise<{ landed: number[]; poisoned: number[]; crashes: number }> {
  const store = new MemoryLandingStore();
  const landed: number[] = [];
  const poisoned: number[] = [];
  let epoch = await store.register('w');
  let position = await store.take(P, epoch, 0);
  let tries = 0;
  let crashes = 0;
  while (position.next < events) {
    const { next } = position;
    const slice = nextSlice(position, events - next);
    if (slice.note) await store.note(P, epoch, next, slice.events);
    const offsets = Array.from({ length: slice.events }, (_, i) => next + i);
    if ((!slice.alone && offsets.some((offset) => poison.has(offset))) || kills.includes(++tries)) {
      if (++crashes > 2_000) throw new Error('no end of crashes');
      epoch = await store.register('w');
      position = await store.take(P, epoch, 0);
      continue;
    }
    const landing = await store.begin();
    await landing.movePosition({ ...P, epoch, from: next, to: next + slice.events, acceptedTo: null });
    await landing.commit({ batchId: tries, epoch, contractsIndex: 0, keysEpoch: 0 });
    (slice.alone ? poisoned : landed).push(...offsets);
    const { suspectTo } = position;
    position = {
      next: next + slice.events,
      attempts: 0,
      suspectTo: suspectTo !== null && suspectTo > next + slice.events ? suspectTo : null,
    };
  }
  return { landed, poisoned, crashes };
}

test('without failures a delivery is taken whole and nothing is noted', () => {
  expect(nextSlice({ next: 10, attempts: 0, suspectTo: null }, 5_000)).toEqual({
    events: 5_000,
    note: false,
    alone: false,
  });
});

test('one poisonous event among ten thousand is found by halving', async () => {
  const { landed, poisoned, crashes } = await run(10_000, new Set([6_789]));
  expect(poisoned).toEqual([6_789]);
  expect(landed).toHaveLength(9_999);
  expect(crashes).toBeLessThanOrEqual(20);
});

test('a single event is tried six times before it is given up', async () => {
  expect(await run(1, new Set([0]))).toMatchObject({ poisoned: [0], crashes: 6 });
});

test('exactly the poisonous events are set aside, wherever they are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.uniqueArray(fc.nat(299), { maxLength: 6 }),
      async (events, offsets) => {
        const poison = new Set(offsets.filter((offset) => offset < events));
        const { landed, poisoned } = await run(events, poison);
        expect(poisoned.sort((a, b) => a - b)).toEqual([...poison].sort((a, b) => a - b));
        expect(landed).toHaveLength(events - poison.size);
      },
    ),
    { numRuns: 60 },
  );
});

test('restarts that have nothing to do with an event do not condemn it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 5 }),
      async (events, kills) => {
        const { landed, poisoned } = await run(events, new Set(), kills);
        expect(poisoned).toEqual([]);
        expect(landed).toHaveLength(events);
      },
    ),
    { numRuns: 100 },
  );
});

test('idle takeovers, however many, do not condemn what comes next', async () => {
  const store = new MemoryLandingStore();
  let position = await store.take(P, 1, 0);
  for (let i = 0; i < 50; i++) position = await store.take(P, 1, 0);
  expect(nextSlice(position, 1)).toEqual({ events: 1, note: true, alone: false });
});
