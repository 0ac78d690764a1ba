import fc from 'fast-check';
import { Pace } from './pace';

const limits = { msMin: 2_000, msMax: 60_000 };

/** How long it is shut after each publication, when it is used as soon as it opens, and after `quietMs` of rest. */
function paceAt() {
  let nowMs = 5_000;
  const pace = new Pace({ ...limits, monotonicMs: () => nowMs });
  const shutMs = (): number => {
    const from = nowMs;
    while (!pace.isOpen) nowMs += 500;
    return nowMs - from;
  };
  const publish = (): number => {
    pace.published();
    return shutMs();
  };
  return { pace, publish, rest: (ms: number): void => void (nowMs += ms) };
}

test('what comes first is published at once, and what follows without a break later and later', () => {
  const { pace, publish } = paceAt();
  expect(pace.isOpen).toBe(true);
  expect(Array.from({ length: 8 }, publish)).toEqual([2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000));
});

test('each wait in which nothing was published halves the next', () => {
  const { publish, rest } = paceAt();
  Array.from({ length: 6 }, publish);
  rest(60_000);
  expect(publish()).toBe(60_000);
  rest(2 * 60_000);
  expect(publish()).toBe(30_000);
  rest(3_600_000);
  expect(publish()).toBe(2_000);
});

test('however it is used, publications of a day are bounded, and none waits longer than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 300 }), (rests) => {
      const { publish, rest } = paceAt();
      for (const ms of rests) {
        const waited = publish();
        expect(waited).toBeGreaterThanOrEqual(limits.msMin);
        expect(waited).toBeLessThanOrEqual(limits.msMax);
        rest(ms);
      }
    }),
  );
});
