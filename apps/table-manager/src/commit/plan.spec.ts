import type { BatchStaged } from '@millrace/topics';
import fc from 'fast-check';
import { LineContradiction, planCommit } from './plan';

const batch = (number: number, rows: Record<string, number> = { 'clean.events': 1 }, lineId = 'line'): BatchStaged => ({
  lineId,
  number,
  batchId: number * 10,
  topic: 'events.inbound',
  partition: '0',
  range: { from: number, to: number + 1 },
  landedAt: '2026-01-01T00:00:00.000Z',
  acceptedFrom: null,
  acceptedTo: null,
  contractsIndex: 1,
  counts: [],
  files: Object.entries(rows).map(([table, n]) => ({
    kind: 'clean' as const,
    table,
    path: `staged/${table}/${number}`,
    rows: n,
    bytes: n,
  })),
});
const limits = { batchesMax: 4, rowsMax: 100 };

test('batches are taken in number order up to the first gap', () => {
  const plan = planCommit('line', 2, [batch(3), batch(4), batch(6)], limits);
  expect(plan).toMatchObject({ from: 2, to: 4 });
  expect(plan?.tables.get('clean.events')?.map((f) => f.path)).toEqual([
    'staged/clean.events/3',
    'staged/clean.events/4',
  ]);
});

test('nothing is planned while the next number is missing', () => {
  expect(planCommit('line', 2, [batch(4), batch(5)], limits)).toBeNull();
  expect(planCommit('line', 2, [], limits)).toBeNull();
});

test('a batch that is already applied is passed over', () => {
  expect(planCommit('line', 2, [batch(1), batch(2), batch(3)], limits)).toMatchObject({ from: 2, to: 3 });
});

test('one batch larger than the limit is still committed, alone', () => {
  const plan = planCommit('line', 0, [batch(1, { 'clean.events': 1_000 }), batch(2)], limits);
  expect(plan?.to).toBe(1);
});

test('a batch without rows moves the cursor and touches no table', () => {
  const plan = planCommit('line', 0, [batch(1, {})], limits);
  expect(plan?.to).toBe(1);
  expect(plan?.tables.size).toBe(0);
});

test('a batch of another line stops the commit', () => {
  expect(() => planCommit('line', 0, [batch(1, {}, 'other')], limits)).toThrow(LineContradiction);
});

test('any plan is contiguous, within its limits, and names every row of its range once', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 30 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 60 }),
      (numbers, cursor, rows) => {
        const announced = numbers.sort((a, b) => a - b).map((n) => batch(n, { 'clean.events': rows, 'ops.fates': 1 }));
        const plan = planCommit('line', cursor, announced, limits);
        if (!plan) return expect(numbers).not.toContain(cursor + 1);
        expect(plan.batches.map((b) => b.number)).toEqual(
          Array.from({ length: plan.to - cursor }, (_, i) => cursor + 1 + i),
        );
        expect(plan.batches.length).toBeLessThanOrEqual(limits.batchesMax);
        for (const files of plan.tables.values()) expect(files).toHaveLength(plan.batches.length);
        return undefined;
      },
    ),
  );
});
