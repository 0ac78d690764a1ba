import fc from 'fast-check';
import { Latencies } from './latencies';

it('has no quantile before there is a latency', () => {
  expect([new Latencies().quantile(0.5), new Latencies().max]).toEqual([null, null]);
});

it('gives quantiles within two percent of the exact ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.9, 0.99, 1),
      (values, q) => {
        const latencies = new Latencies();
        for (const value of values) latencies.add(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(q * sorted.length) - 1];
        const found = latencies.quantile(q) as number;
        expect(found).toBeGreaterThanOrEqual(exact * 0.999);
        expect(found).toBeLessThanOrEqual(exact * 1.021);
        expect(latencies.max).toBe(sorted[sorted.length - 1]);
      },
    ),
  );
});
