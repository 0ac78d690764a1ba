import { AdaptiveLinger } from './adaptive-linger';

function lingerAt(eventsPerSecond: number): { linger: AdaptiveLinger; pass: (ms: number) => void } {
  let nowMs = 0;
  const linger = new AdaptiveLinger({
    msMin: 150,
    msMax: 600,
    eventsPerSecondFull: 10_000,
    monotonicMs: () => nowMs,
  });
  for (let i = 0; i < 200; i++) {
    nowMs += 100;
    linger.landed(eventsPerSecond / 10);
  }
  return { linger, pass: (ms) => void (nowMs += ms) };
}

test('the wait is short at rest, grows with the rate, and has a limit', () => {
  expect(lingerAt(0).linger.ms).toBe(150);
  expect(lingerAt(1_000).linger.ms).toBeGreaterThan(180);
  expect(lingerAt(1_000).linger.ms).toBeLessThan(210);
  expect(lingerAt(5_000).linger.ms).toBeGreaterThan(lingerAt(1_000).linger.ms);
  expect(lingerAt(100_000).linger.ms).toBe(600);
});

test('a burst is forgotten', () => {
  const { linger, pass } = lingerAt(50_000);
  pass(60_000);
  expect(linger.ms).toBeCloseTo(150, 3);
});

test('a maximum below the minimum leaves the minimum', () => {
  const linger = new AdaptiveLinger({ msMin: 5, msMax: 0, eventsPerSecondFull: 1, monotonicMs: () => 0 });
  linger.landed(1_000);
  expect(linger.ms).toBe(5);
});
