import type { Catalog } from '@millrace/topics';
import { trace, type TraceDeps } from './trace';

/** A lake without tables, whose log has ten records; what has landed and is committed moves with time. */
function setUp(at: { landed: (ms: number) => number; committed: (ms: number) => number; inTail: TraceDeps['inTail'] }) {
  let now = 0;
  const asked: { from: number; to: number }[] = [];
  const catalog = (): Catalog | null =>
    at.committed(now) === 0
      ? null
      : { version: at.committed(now), lineId: 'l', number: at.committed(now), at: '', tables: {} };
  const deps = {
    lake: { catalog, table: async () => null },
    readModels: {
      // One record a batch: the number is the position.
      progress: async () => ({ number: at.landed(now), landedTo: new Map([['0', at.landed(now)]]) }),
      visibleTo: async (_line: string | null, _topic: string, number: number) =>
        new Map([['0', Math.min(number, at.landed(now))]]),
    },
    refreshCatalog: async () => catalog(),
    ends: async () => new Map([['0', 10]]),
    inTail: async (_tenant: string, id: string, from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>) => {
      asked.push({ from: from.get('0') ?? 0, to: to.get('0') ?? 0 });
      return at.inTail('t', id, from, to);
    },
    topic: 'events.inbound',
    sleep: async (ms: number) => void (now += ms),
    now: () => now,
    waitMsMax: 5_000,
  } as unknown as TraceDeps;
  return { deps, asked, elapsed: () => now };
}

test('an event that landed and waits for its commit is pending, not unknown', async () => {
  const { deps, asked } = setUp({ landed: () => 10, committed: () => 3, inTail: async () => true });
  expect(await trace(deps, 't', 'e')).toEqual({ eventId: 'e', status: 'PENDING', receipts: [] });
  expect(asked).toEqual([{ from: 3, to: 10 }]);
});

test('an event that is in the log and has not landed is pending', async () => {
  const { deps, elapsed } = setUp({ landed: () => 0, committed: () => 0, inTail: async () => true });
  expect(await trace(deps, 't', 'e')).toMatchObject({ status: 'PENDING' });
  expect(elapsed()).toBeGreaterThanOrEqual(5_000);
});

test('an event that is nowhere is unknown, and says so only after a look at all that is under way', async () => {
  const { deps, asked } = setUp({ landed: () => 4, committed: () => 4, inTail: async () => false });
  expect(await trace(deps, 't', 'e')).toBeNull();
  expect(asked).toEqual([{ from: 4, to: 10 }]);
});

test('more than can be looked at is no answer, least of all that nothing was received', async () => {
  const { deps } = setUp({ landed: () => 0, committed: () => 0, inTail: async () => null });
  expect(await trace(deps, 't', 'e')).toBe('unknown');
});

test('an unknown id is answered as soon as what was in the log at the question is committed, though more comes', async () => {
  const { deps, asked, elapsed } = setUp({
    landed: (ms) => 10 + ms / 10,
    committed: (ms) => (ms < 300 ? 4 : 12 + ms / 20),
    inTail: async () => true,
  });
  expect(await trace(deps, 't', 'e')).toBeNull();
  expect(elapsed()).toBe(300);
  expect(asked).toEqual([]);
});

test('nothing was ever received: that is known at once', async () => {
  const { deps, elapsed } = setUp({ landed: () => 0, committed: () => 0, inTail: async () => true });
  expect(await trace({ ...deps, ends: async () => new Map([['0', 0]]) }, 't', 'e')).toBeNull();
  expect(elapsed()).toBe(0);
});
