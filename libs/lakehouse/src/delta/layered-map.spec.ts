import fc from 'fast-check';
import { LayeredMap } from './layered-map';

describe('LayeredMap', () => {
  it('behaves as a Map whose old versions stay as they were', () => {
    const change = fc.tuple(fc.integer({ min: 0, max: 700 }).map(String), fc.option(fc.integer(), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 400 }), { maxLength: 12 }), (rounds) => {
        let map = LayeredMap.empty<number>();
        const model = new Map<string, number>();
        const kept: [LayeredMap<number>, Map<string, number>][] = [];
        for (const changes of rounds) {
          map = map.with(changes);
          for (const [key, value] of changes) {
            if (value === undefined) model.delete(key);
            else model.set(key, value);
          }
          kept.push([map, new Map(model)]);
        }
        for (const [seen, expected] of kept) {
          expect(new Map(seen.entries())).toEqual(expected);
          expect([...seen.values()]).toHaveLength(expected.size);
          expect(seen.size).toBe(expected.size);
          for (const key of ['0', '1', '350', '700']) {
            expect(seen.get(key)).toBe(expected.get(key));
            expect(seen.has(key)).toBe(expected.has(key));
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
