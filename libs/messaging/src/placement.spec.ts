import fc from 'fast-check';
import { newAppendId } from './append-id';
import { place } from './placement';
import type { LogRecord } from './port';

const record = (key: string | null): LogRecord => ({ key, headers: {}, value: Buffer.from(key ?? '') });

describe('placement', () => {
  it('sends a key and an append id to the same partition each time, and loses no record', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.string(), { nil: null }), { minLength: 1 }),
        fc.integer({ min: 1, max: 16 }),
        (keys, partitions) => {
          const batch = { header: { appendId: newAppendId() }, records: keys.map(record) };
          const placed = place(batch, partitions);
          expect(place(batch, partitions)).toEqual(placed);
          expect(placed.flatMap(({ records }) => records)).toHaveLength(keys.length);
          const numbers = placed.map(({ partition }) => partition);
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          for (const key of new Set(keys)) {
            expect(placed.filter(({ records }) => records.some((r) => r.key === key))).toHaveLength(1);
          }
          const kept = placed.map(({ records }) => records.map((r) => batch.records.indexOf(r)));
          for (const order of kept) expect(order).toEqual([...order].sort((a, b) => a - b));
        },
      ),
    );
  });

  it('spreads append ids and keys evenly', () => {
    const ids = Array.from(
      { length: 4_000 },
      () => place({ header: { appendId: newAppendId() }, records: [record(null)] }, 4)[0].partition,
    );
    const keys = Array.from(
      { length: 4_000 },
      (_, i) => place({ header: { appendId: newAppendId() }, records: [record(`SHP-${i}`)] }, 4)[0].partition,
    );
    for (const partitions of [ids, keys]) {
      for (let p = 0; p < 4; p++) expect(partitions.filter((other) => other === p).length).toBeGreaterThan(800);
    }
  });

  it('refuses to repeat a count in several partitions', () => {
    const records = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(record);
    const counts = [{ tenant: 't', source: 's', hour: 'h', count: 8 }];
    expect(() => place({ header: { appendId: newAppendId(), counts }, records }, 4)).toThrow(TypeError);
    expect(place({ header: { appendId: newAppendId(), counts }, records }, 1)).toHaveLength(1);
  });
});
