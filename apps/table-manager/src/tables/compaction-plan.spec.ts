import type { AddFile } from '@millrace/lakehouse';
import fc from 'fast-check';
import { sizeClasses, tidying } from './compaction-plan';

const MIB = 1 << 20;
const HOUR_MS = 3_600_000;
const file = (day: string, size: number, modificationTime: number): AddFile =>
  ({
    path: `${day}/${size}/${modificationTime}`,
    partitionValues: { event_date: day },
    size,
    modificationTime,
    dataChange: true,
  }) as AddFile;

test('every size below the target is in exactly one class', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: 2 ** 31 }), (size, target) => {
      const holding = sizeClasses(target).filter(({ from, to }) => size >= from && size < to);
      expect(holding).toHaveLength(size < target ? 1 : 0);
    }),
  );
});

test('a row is rewritten a handful of times on its way to a full file, not once for each commit', () => {
  // A commit of 20 KiB each time, merged whenever eight of a class are there, as optimize does.
  const filesMin = 8;
  const target = 128 * MIB;
  let files: number[] = [];
  let written = 0;
  let rewritten = 0;
  for (let i = 0; i < 8_000; i++) {
    files.push(20 << 10);
    written += 20 << 10;
    for (const { from, to } of sizeClasses(target)) {
      const same = files.filter((size) => size >= from && size < to);
      if (same.length < filesMin) continue;
      const merged = same.reduce((sum, size) => sum + size, 0);
      rewritten += merged;
      files = [...files.filter((size) => size < from || size >= to), merged];
    }
  }
  expect(rewritten / written).toBeLessThan(5);
  expect(files.length).toBeLessThan(filesMin * sizeClasses(target).length);
});

test('a partition at rest is tidied up, one that still grows and one that is tidy are not', () => {
  const now = 10 * HOUR_MS;
  const files = [
    ...[file('cold', 5_000, 1), file('cold', 6_000, 2), file('cold', 60 * MIB, 3)],
    ...[file('warm', 5_000, 1), file('warm', 6_000, now - 1_000)],
    ...[file('tidy', 5_000, 1), file('tidy', 60 * MIB, 2)],
  ];
  const chosen = tidying(files, now);
  expect(files.filter((each) => chosen?.(each)).map(({ path }) => path)).toEqual(['cold/5000/1', 'cold/6000/2']);
  expect(tidying(files.slice(3), now)).toBeNull();
});
