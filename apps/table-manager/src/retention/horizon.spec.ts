import fc from 'fast-check';
import { type Horizon, horizonAt } from './horizon';

const DAY = 86_400_000;
const NEWEST = Date.parse('2026-03-01T00:00:00Z');

/** What comes of looks at these times, one after the other. */
function looks(times: readonly number[], newest: (i: number) => number = () => NEWEST): number[] {
  let known: Horizon | null = null;
  return times.map((now, i) => {
    const { atMs, moved } = horizonAt(now, newest(i), known);
    known = moved ?? known;
    return atMs;
  });
}

test('near the newest event it is the clock’s time', () => {
  expect(looks([NEWEST - DAY, NEWEST + 1, NEWEST + DAY])).toEqual([NEWEST - DAY, NEWEST + 1, NEWEST + DAY]);
});

test('a clock that jumps ahead by a year moves it by a day, and by another after another day of that clock', () => {
  const year = NEWEST + 365 * DAY;
  expect(looks([NEWEST + 1, year, year + 1, year + DAY - 1, year + DAY]).map((at) => (at - NEWEST) / DAY)).toEqual([
    1 / DAY,
    1,
    1,
    1,
    2,
  ]);
});

test('in a lake that rests it goes on a day a day, at most two behind; and catches up with the next event', () => {
  const hours = Array.from({ length: 24 * 30 }, (_, i) => NEWEST + (i * DAY) / 24);
  const found = looks(hours);
  for (const [i, at] of found.entries()) {
    expect(at).toBeLessThanOrEqual(hours[i]);
    expect(at).toBeGreaterThanOrEqual(hours[i] - 2 * DAY);
  }
  const months = NEWEST + 90 * DAY;
  expect(looks([NEWEST + 5 * DAY, months], (i) => (i === 0 ? NEWEST : months - 1))[1]).toBe(months);
});

test('it is never ahead of the clock, nor, beyond a day after the newest event, of the days that were looked at', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 400 }), { maxLength: 20 }), (days) => {
      const times = days.map((day) => NEWEST + day * DAY);
      for (const [i, at] of looks(times).entries()) {
        expect(at).toBeLessThanOrEqual(Math.max(times[i], NEWEST + DAY));
        expect(at).toBeLessThanOrEqual(NEWEST + (i + 2) * DAY);
      }
    }),
  );
});
