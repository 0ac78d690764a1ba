import fc from 'fast-check';
import { backoffMs } from './backoff';

describe('backoff', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 0, max: 1_000_000 }))
    .map(([min, more]) => ({ min, max: min + more }));
  const random = (value: number): { next(): number; bytes(n: number): Buffer } => ({
    next: () => value,
    bytes: (n) => Buffer.alloc(n),
  });
  const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

  it('stays between min and max, whatever the attempt', () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 1, max: 1_000 }), chance, (r, attempt, x) => {
        const wait = backoffMs(attempt, r, random(x));
        expect(wait).toBeGreaterThanOrEqual(r.min);
        expect(wait).toBeLessThanOrEqual(r.max);
      }),
    );
  });

  it('doubles until it meets max, and spreads over half of its height', () => {
    const r = { min: 100, max: 1_000 };
    expect([1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, r, random(0)))).toEqual([100, 200, 400, 500, 500]);
    expect([1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, r, random(0.5)))).toEqual([150, 300, 600, 750, 750]);
  });
});
