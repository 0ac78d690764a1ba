import { MemoryLandingStore } from '../landing/memory/store';
import { foldRound } from './fold';
import { PANE_MS } from './kinds';
import { MemoryTimeStore } from './memory/store';
import type { LandedDeltas } from './port';

const START_MS = Date.UTC(2026, 2, 10);
const PANES = 4_000;
const OPTIONS = { delayMs: 0, idleMs: 60_000, earlyEveryMs: 60_000, namesMax: 10, newId: () => 'm' };

/** Batch number `n`, one event in each of PANES panes from `paneFrom` on. */
const batch = (n: number, paneFrom: number): LandedDeltas => ({
  ...{ number: n, batchId: n, topic: 'events.inbound', partition: '0' },
  deltas: [
    {
      ...{ tenant: 'a', reachedMs: START_MS, sources: [], late: [] },
      panes: Array.from({ length: PANES }, (_, i) => ({
        ...{ atMs: START_MS + (paneFrom + i) * PANE_MS, eventType: 't', facility: 'f' },
        ...{ events: 1, late: 0, latenessSecondsMax: n },
      })),
    },
  ],
});

async function foldedAtOnce(batches: readonly LandedDeltas[]): Promise<{ batches: number; perPane: number[] }> {
  const time = new MemoryTimeStore(new MemoryLandingStore({ clock: { now: () => START_MS } }));
  const folded = await time.transact((tx) => foldRound({ ...tx, deltas: async () => [...batches] }, OPTIONS));
  // Each pane is part of three windows of a minute, of which those in the middle have three panes.
  const minutes = [...time.state.windows.values()].filter(({ kind }) => kind === '1m').map(({ events }) => events / 3);
  return { batches: folded?.batches ?? 0, perPane: [...new Set(minutes)].filter(Number.isInteger) };
}

test('a round takes any number of batches with the same panes, and counts each of their events', async () => {
  const { batches, perPane } = await foldedAtOnce(Array.from({ length: 20 }, (_, i) => batch(i + 1, 0)));
  expect(batches).toBe(20);
  expect(perPane).toContain(20);
});

test('a round takes no more batches than have a bounded number of different panes', async () => {
  expect(await foldedAtOnce(Array.from({ length: 5 }, (_, i) => batch(i + 1, i * PANES)))).toMatchObject({
    batches: 2,
  });
});
