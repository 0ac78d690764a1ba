import { MemoryLandingStore } from '../landing/memory/store';
import { pruneMemoryClaims } from './memory-prune-claims';

const TODAY = 20_000;
const SETTLE_MS = 1_000;

/** Claims by the days until which they are kept, of batches that are all in the tables. */
function setUp(...keepUntilDays: number[]) {
  const calendar = { day: TODAY, nowMs: 0 };
  const store = new MemoryLandingStore({ today: () => calendar.day });
  keepUntilDays.forEach((keepUntilDay, i) =>
    store.state.claims.set(`k${i}`, { batchId: i, fingerprint: '0'.repeat(16), keepUntilDay }),
  );
  const prune = () => pruneMemoryClaims(store, SETTLE_MS, calendar.nowMs);
  return { store, calendar, prune };
}

test('the horizon moves one day a day, and is known for a while before anything is deleted', async () => {
  const { store, calendar, prune } = setUp(TODAY - 5, TODAY - 4, TODAY + 10);
  expect(prune()).toEqual({ horizon: '2024-09-30', deleted: 0 });
  expect(prune()).toEqual({ horizon: null, deleted: 0 });
  expect(await store.pruned()).toEqual({ to: '2024-09-30', windowDaysMin: 30 });
  calendar.nowMs += SETTLE_MS;
  expect(prune()).toEqual({ horizon: null, deleted: 1 });
  expect(prune().deleted).toBe(0);
  for (let day = 1; day <= 8; day++) {
    calendar.day++;
    prune();
    calendar.nowMs += SETTLE_MS;
    prune();
  }
  expect([...store.state.claims.keys()]).toEqual(['k2']);
});

test('claims of what is not in the tables yet stay, and go with a later day', () => {
  const { store, calendar, prune } = setUp(TODAY - 5);
  store.state.manifests.set(0, { number: 7 } as never);
  store.state.outbox.set(7, { message: {} as never, sends: 0, sentMs: null });
  const afterSettling = (): number => {
    calendar.day++;
    prune();
    calendar.nowMs += SETTLE_MS;
    return prune().deleted;
  };
  expect(afterSettling()).toBe(0);
  store.state.outbox.clear();
  expect(prune().deleted).toBe(0);
  expect(afterSettling()).toBe(1);
});

test('the shortest window ever decides, also after it was raised', async () => {
  const { store, calendar, prune } = setUp(TODAY - 1);
  prune();
  await store.adoptContracts(1, 2);
  await store.adoptContracts(2, 30);
  expect(calendar.day).toBe(TODAY);
  expect(await store.pruned()).toEqual({ to: '2024-10-04', windowDaysMin: 2 });
});
