import type { AddFile } from '@millrace/lakehouse';

export interface SizeClass {
  /** Bytes, inclusive. */
  readonly from: number;
  /** Bytes, exclusive. */
  readonly to: number;
}

/** The first class: what a commit leaves. */
const SMALLEST_BYTES = 64 << 10;
/** Each class is so many times the one before. */
const STEP = 16;

/**
 * Classes of file sizes, each merged within itself: so a row is rewritten once a class, four times on its way to
 * 128 MiB, where merging whatever is small would rewrite the largest file again for each handful of new ones. Each time
 * costs about what the commit has cost.
 */
export function sizeClasses(targetBytes: number): SizeClass[] {
  const classes: SizeClass[] = [];
  for (let from = 0, to = SMALLEST_BYTES; from < targetBytes; from = to, to *= STEP) {
    classes.push({ from, to: Math.min(to, targetBytes) });
  }
  return classes;
}

/** A partition is cold when nothing was added to it for this long. */
const COLD_MS = 3_600_000;
/** Files from here on are left alone when a cold partition is tidied up. */
const TIDY_BYTES_MAX = 8 << 20;
/** Partitions tidied up in one round, so that the round ends soon. */
const PARTITIONS_MAX = 16;

/**
 * Which files to merge in partitions that have come to rest with several small ones: too few of a class to be merged by
 * themselves, they would be opened by every query for ever. Null when there are none.
 */
export function tidying(files: Iterable<AddFile>, nowMs: number): ((file: AddFile) => boolean) | null {
  const partitions = new Map<string, { small: number; newestMs: number }>();
  for (const { partitionValues, size, modificationTime } of files) {
    const key = JSON.stringify(partitionValues);
    const known = partitions.get(key) ?? { small: 0, newestMs: -Infinity };
    if (size < TIDY_BYTES_MAX) known.small++;
    known.newestMs = Math.max(known.newestMs, modificationTime);
    partitions.set(key, known);
  }
  const cold = [...partitions].filter(([, { small, newestMs }]) => small > 1 && newestMs < nowMs - COLD_MS);
  if (cold.length === 0) return null;
  const keys = new Set(cold.slice(0, PARTITIONS_MAX).map(([key]) => key));
  return ({ size, partitionValues }) => size < TIDY_BYTES_MAX && keys.has(JSON.stringify(partitionValues));
}
