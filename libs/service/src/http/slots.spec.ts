import fc from 'fast-check';
import { Slots } from './slots';

describe('slots', () => {
  it('hold what was put and not cleared, and no more slots than were ever taken at once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 })), (choices) => {
        const slots = new Slots<number>();
        const held = new Map<number, number>();
        let most = 0;
        choices.forEach((choice, n) => {
          const slot = [...held.keys()][choice];
          if (slot === undefined) held.set(slots.put(n), n);
          else {
            slots.clear(slot);
            held.delete(slot);
          }
          most = Math.max(most, held.size);
          expect(slots.size).toBe(held.size);
          expect(slots.all().sort()).toEqual([...held.values()].sort());
          expect(Math.max(-1, ...held.keys())).toBeLessThan(most);
        });
      }),
    );
  });
});
