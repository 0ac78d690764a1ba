import fc from 'fast-check';
import { nextAgeCut } from './trim-policy';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;

/** Runs hourly over a log that is appended to all the time and keeps what the limit allows. */
function run(input: {
  hours: number;
  retentionMs: number;
  oldestMs: number;
  clock?: (hour: number) => number;
}): number[] {
  const cuts: number[] = [];
  let before = null;
  let oldestMs = input.oldestMs;
  for (let hour = 0; hour < input.hours; hour++) {
    const nowMs = (input.clock ?? ((h) => START_MS + h * HOUR_MS))(hour);
    before = nextAgeCut({ nowMs, oldestMs, newestMs: nowMs, retentionMs: input.retentionMs, before });
    oldestMs = Math.max(oldestMs, before.cutMs);
    cuts.push(before.cutMs);
  }
  return cuts;
}

describe('the age limit', () => {
  it('stands one retention behind now while all is well', () => {
    const cuts = run({ hours: 48, retentionMs: 7 * DAY_MS, oldestMs: START_MS - 7 * DAY_MS });
    expect(cuts[47]).toBe(START_MS + 47 * HOUR_MS - 7 * DAY_MS);
  });

  it('costs at most a day at once and then two days a day when the clock leaps a year ahead', () => {
    const clock = (hour: number): number => START_MS + hour * HOUR_MS + (hour >= 10 ? 365 * DAY_MS : 0);
    const cuts = run({ hours: 34, retentionMs: 7 * DAY_MS, oldestMs: START_MS - 7 * DAY_MS, clock });
    expect(cuts[10] - cuts[9]).toBe(DAY_MS);
    expect(cuts[33] - cuts[10]).toBeLessThanOrEqual(2 * DAY_MS);
  });

  it('catches up with a shorter retention, gradually', () => {
    const cuts = run({ hours: 24 * 40, retentionMs: DAY_MS, oldestMs: START_MS - 30 * DAY_MS });
    expect(cuts[0]).toBe(START_MS - 29 * DAY_MS);
    expect(cuts[24] - cuts[0]).toBeLessThanOrEqual(2 * DAY_MS);
    expect(cuts[24 * 40 - 1]).toBe(START_MS + (24 * 40 - 1) * HOUR_MS - DAY_MS);
  });

  it('does not age a log to which nothing is appended', () => {
    const before = { cutMs: START_MS - DAY_MS, atMs: START_MS };
    const idle = { oldestMs: START_MS - DAY_MS, newestMs: START_MS, retentionMs: DAY_MS, before };
    expect(nextAgeCut({ ...idle, nowMs: START_MS + 90 * DAY_MS }).cutMs).toBe(START_MS - DAY_MS);
  });

  it('never moves back, nor closer to now than the retention', () => {
    const ms = fc.integer({ min: 0, max: 20 * DAY_MS });
    fc.assert(
      fc.property(
        ms,
        ms,
        ms,
        ms,
        fc.integer({ min: -DAY_MS, max: 400 * DAY_MS }),
        (retentionMs, oldest, newest, cut, passed) => {
          const before = { cutMs: START_MS - retentionMs - cut, atMs: START_MS };
          const nowMs = START_MS + passed;
          const next = nextAgeCut({
            nowMs,
            oldestMs: START_MS - oldest,
            newestMs: START_MS + newest,
            retentionMs,
            before,
          });
          expect(next.cutMs).toBeGreaterThanOrEqual(before.cutMs);
          expect(next.cutMs).toBeLessThanOrEqual(Math.max(before.cutMs, nowMs - retentionMs));
        },
      ),
    );
  });
});
