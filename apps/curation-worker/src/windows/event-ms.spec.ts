import fc from 'fast-check';
import { createEventMs } from './event-ms';
import { startsOf, WINDOWS } from './kinds';

const anyTime = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

test('times of the envelope are read as Date reads them', () => {
  const msOf = createEventMs();
  fc.assert(
    fc.property(anyTime, fc.constantFrom('', '123', '999'), (date, micros) => {
      const text = `${date.toISOString().slice(0, -1)}${micros}`.replace(/\.?0*$/, '');
      const whole = text.length < 19 ? date.toISOString().slice(0, 19) : text;
      expect(msOf(`${whole}Z`)).toBe(date.getTime());
    }),
    { numRuns: 2_000 },
  );
});

test('an instant lies in every window that begins at its starts, and in no other', () => {
  fc.assert(
    fc.property(anyTime, fc.constantFrom(...WINDOWS), (date, shape) => {
      const atMs = date.getTime();
      const starts = startsOf(shape, atMs);
      expect(starts).toHaveLength(shape.sizeMs / shape.slideMs);
      for (const start of starts)
        expect([start <= atMs, atMs < start + shape.sizeMs, Math.abs(start % shape.slideMs)]).toEqual([true, true, 0]);
      expect(new Set(starts).size).toBe(starts.length);
    }),
  );
});
