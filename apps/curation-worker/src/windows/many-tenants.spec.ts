import { MemoryLandingStore } from '../landing/memory/store';
import { keyOf } from './firings';
import { FoldLoop } from './loop';
import { MemoryTimeStore } from './memory/store';
import type { WindowRow } from './port';

const START_MS = Date.UTC(2026, 2, 10, 12);
const MINUTE_MS = 60_000;

test('a round looks at a bounded number of tenants, and the rounds of a turn at all of them', async () => {
  let nowMs = START_MS;
  const time = new MemoryTimeStore(new MemoryLandingStore({ clock: { now: () => nowMs } }));
  const tenants = Array.from({ length: 7 }, (_, i) => `t${i}`);
  for (const tenant of tenants) {
    const source = { topic: 'events.inbound', partition: '0', reachedMs: START_MS, seenMs: START_MS };
    time.state.tenants.set(tenant, { tenant, watermarkMs: START_MS, prunedToMs: null, sources: [source] });
    const window: WindowRow = {
      ...{ tenant, kind: '5m', startMs: START_MS, endMs: START_MS + 5 * MINUTE_MS, eventType: '=t', facility: '' },
      ...{ events: 1, late: 0, latenessSecondsMax: 0, revision: 0, fired: null, changed: false },
    };
    time.state.windows.set(keyOf(window), { ...window, updatedMs: START_MS });
  }
  // Nobody sends any more: time alone passes the windows.
  nowMs += 20 * MINUTE_MS;
  const seen: number[] = [];
  const bounded: Pick<MemoryTimeStore, 'transact'> = {
    transact: (round) =>
      time.transact((tx) =>
        round({
          ...tx,
          due: (watermarks, limit) => {
            seen.push(watermarks.length);
            return tx.due(watermarks, limit);
          },
        }),
      ),
  };
  let ids = 0;
  const loop = new FoldLoop({
    store: bounded,
    options: {
      ...{ delayMs: MINUTE_MS, idleMs: MINUTE_MS, earlyEveryMs: 10_000, namesMax: 10, tenantsMax: 3 },
      newId: () => `m${ids++}`,
    },
    monotonicMs: () => 0,
    afterRound: async () => undefined,
    onFirings: () => undefined,
  });
  await loop.turn();
  expect([...time.state.windows.values()].map(({ tenant, fired }) => [tenant, fired])).toEqual(
    tenants.map((tenant) => [tenant, 'on_time']),
  );
  expect(Math.max(...seen)).toBe(3);
});
