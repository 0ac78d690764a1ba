import { restAfter, restBeside } from './commit-rest';

const limits = { commitBatchesMax: 64, commitRowsMax: 500_000 };

it('a commit rests the longer the more rows it had, and not at all once it cannot grow', () => {
  const rests = [1, 10_000, 40_000, 200_000].map((rows) => restAfter({ rows, batches: 1 }, limits));
  expect(rests).toEqual([...rests].sort((a, b) => a - b));
  expect(rests[0]).toBeGreaterThanOrEqual(1);
  expect(restAfter({ rows: 300_000, batches: 1 }, limits)).toBe(0);
  expect(restAfter({ rows: 1, batches: 64 }, limits)).toBe(0);
});

it('other work has half of the time beside no commits, and less the more commits keep a processor busy and the larger they are', () => {
  expect(restBeside(0, 100_000)).toBe(1);
  expect(restBeside(0.5, 0)).toBeGreaterThan(restBeside(0.1, 0));
  expect(restBeside(0.2, 20_000)).toBeGreaterThan(restBeside(0.2, 1_000));
  expect(restBeside(0.2, 40_000) - 1).toBeGreaterThan(4 * (restBeside(0.2, 0) - 1));
  expect(restBeside(0.2, 1_000_000)).toBe(restBeside(0.2, 40_000));
});
