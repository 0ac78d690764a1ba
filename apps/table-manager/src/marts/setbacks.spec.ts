import { Setbacks } from './setbacks';

function setbacks(random = 0.5) {
  const state = { nowMs: 0 };
  const made = new Setbacks({
    ...{ monotonicMs: () => state.nowMs, random: () => random },
    ...{ waitMs: 100, waitMsMax: 1_000, partitionsMax: 3 },
  });
  return { state, made };
}

test('each partition waits by itself, longer each time, up to a bound, with jitter', () => {
  const { made } = setbacks();
  const waits = Array.from({ length: 6 }, () => made.failed('a', '2026-01-01', 'x').retryInMs);
  expect(waits).toEqual([75, 150, 300, 600, 750, 750]);
  expect(setbacks(0).made.failed('a', '2026-01-01', 'x').retryInMs).toBe(50);
  expect(setbacks(0.999).made.failed('a', '2026-01-01', 'x').retryInMs).toBe(100);
  expect(made.failed('a', '2026-01-02', 'x').retryInMs).toBe(75);
});

test('what waits is tried again when its time has come, and forgotten when it is mended', () => {
  const { state, made } = setbacks();
  made.failed('a', '2026-01-01', 'x');
  expect([made.isWaiting('a', '2026-01-01'), made.isWaiting('a', '2026-01-02'), made.isWaiting('a', null)]).toEqual([
    true,
    false,
    false,
  ]);
  state.nowMs = 75;
  expect([made.isWaiting('a', '2026-01-01'), made.has('a', '2026-01-01')]).toEqual([false, true]);
  expect([made.mended('a', '2026-01-01'), made.mended('a', '2026-01-01'), made.count('a')]).toEqual([true, false, 0]);
  expect(made.failed('a', '2026-01-01', 'x').attempts).toBe(1);
});

test('of many partitions that fail the mart itself waits', () => {
  const { made } = setbacks();
  for (const day of ['1', '2', '3']) made.failed('a', day, 'x');
  expect(made.failed('a', '4', 'x').partition).toBeNull();
  expect(made.isWaiting('a', null)).toBe(true);
  expect(made.failed('a', '2', 'x')).toMatchObject({ partition: '2', attempts: 2 });
});
