import fc from 'fast-check';
import { cut } from './cut';
import type { StoredBatch } from './source';

const stored = fc
  .record({
    start: fc.nat(5),
    sizes: fc.array(fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }),
  })
  .map(({ start, sizes }) => {
    let base = start;
    return sizes.map((values): StoredBatch => {
      const records = values.map((size, i) => ({ headers: {}, value: Buffer.alloc(size, i) }));
      const batch = { header: { appendId: String(base) }, appendedAt: new Date(0), base, size: values.length, records };
      base += values.length;
      return batch;
    });
  });
const limits = fc.record({
  eventsMax: fc.integer({ min: 1, max: 20 }),
  bytesMax: fc.integer({ min: 1, max: 120 }),
  headersOnly: fc.constant(false),
});

describe('cutting deliveries out of stored batches', () => {
  it('delivers every record once and in order, within the limits unless one record is beyond them', () => {
    fc.assert(
      fc.property(stored, limits, fc.nat(6), (batches, limit, into) => {
        const from = Math.min(batches[0].base + into, batches[0].base + batches[0].size - 1);
        const last = batches[batches.length - 1];
        const offsets: (number | null)[] = [];
        let at = from;
        while (at < last.base + last.size) {
          const taken = cut(batches, at, limit);
          const records = taken.batches.flatMap((batch) => batch.records);
          const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
          expect(taken.from).toBe(at);
          expect(records).toHaveLength(taken.to - taken.from);
          expect(records.length).toBeLessThanOrEqual(limit.eventsMax);
          expect(bytes <= limit.bytesMax || records.length === 1).toBe(true);
          expect(taken.to).toBeGreaterThan(taken.from);
          offsets.push(...records.map(({ offset }) => offset));
          at = taken.to;
        }
        expect(offsets).toEqual(Array.from({ length: at - from }, (_, i) => from + i));
      }),
    );
  });

  it('splits a stored batch only if it does not fit alone, and remembers its rest', () => {
    fc.assert(
      fc.property(stored, limits, (batches, limit) => {
        const taken = cut(batches, batches[0].base, limit);
        const partial = taken.batches.filter(({ records, size }) => records.length < size);
        expect(partial.length > 0).toBe(taken.rest !== null);
        if (partial.length > 0) expect(taken.batches).toHaveLength(1);
      }),
    );
  });

  it('never splits batches of headers', () => {
    const headers = [3, 4, 9].map((size, i) => ({
      header: { appendId: '' },
      appendedAt: new Date(0),
      base: [0, 3, 7][i],
      size,
      records: null,
    }));
    const limit = { eventsMax: 8, bytesMax: 1, headersOnly: true };
    expect(cut(headers, 0, limit)).toMatchObject({ from: 0, to: 7, rest: null });
    expect(cut(headers, 7, limit)).toMatchObject({ from: 7, to: 16, rest: null });
    expect(cut(headers, 1, limit)).toMatchObject({ from: 1, to: 7 });
  });
});
