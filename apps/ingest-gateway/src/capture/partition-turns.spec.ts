import fc from 'fast-check';
import { PartitionTurns } from './partition-turns';

test('appends one after the other stay with a partition for a turn', () => {
  const turns = new PartitionTurns(['0', '1', '2'], 100);
  const used = Array.from({ length: 12 }, () => {
    const partition = turns.take(30);
    turns.giveBack(partition);
    return partition;
  });
  expect(used.join('')).toBe('000011112222');
});

test('while the partition whose turn it is has an append under way, the next one is taken', () => {
  const turns = new PartitionTurns(['0', '1', '2'], 100);
  expect([turns.take(1), turns.take(1)]).toEqual(['0', '1']);
  turns.giveBack('0');
  expect(turns.take(1)).toBe('0');
  turns.take(1);
  expect(turns.anyIdle).toBe(false);
});

test('no partition has two appends at a time, and in the long run all have much the same share', () => {
  const step = fc.record({ items: fc.integer({ min: 1, max: 50 }), ends: fc.nat() });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 2_000, maxLength: 2_000 }),
      fc.integer({ min: 1, max: 3 }),
      (steps, most) => {
        const turns = new PartitionTurns(['0', '1', '2', '3'], 200);
        const underWay: string[] = [];
        const shares = new Map<string, number>();
        for (const { items, ends } of steps) {
          if (underWay.length === most) turns.giveBack(underWay.splice(ends % most, 1)[0]);
          const partition = turns.take(items);
          expect(underWay).not.toContain(partition);
          underWay.push(partition);
          shares.set(partition, (shares.get(partition) ?? 0) + items);
        }
        const all = [...shares.values()];
        expect(Math.max(...all)).toBeLessThan(1.5 * Math.min(...all));
      },
    ),
    { numRuns: 20 },
  );
});
