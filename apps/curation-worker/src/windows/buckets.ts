/**
 * Upper bounds, inclusive, of how late events are accepted: ingest time less event time, seconds. What is ahead of its
 * accept time is in the first bucket; one more bucket follows the last bound.
 */
export const LATENESS_BOUNDS_SECONDS: readonly number[] = [
  ...[1, 10, 60, 300, 900, 3_600, 6 * 3_600],
  ...[86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400],
];

/**
 * Upper bounds, inclusive, of how far a producer's clock is ahead of ours: producer time less ingest time, seconds.
 * What travels is behind by its way, so a little below zero is no skew.
 */
export const SKEW_BOUNDS_SECONDS: readonly number[] = [
  ...[-86_400, -3_600, -300, -60, -10, -1],
  ...[1, 10, 60, 300, 3_600, 86_400],
];

/** The bucket of a value: the first whose bound is not below it. */
export function bucketOf(bounds: readonly number[], value: number): number {
  let i = 0;
  while (i < bounds.length && value > bounds[i]) i++;
  return i;
}

export interface Histogram {
  /** One count a bound, and one for what lies beyond the last. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

export const emptyHistogram = (bounds: readonly number[]): { counts: number[]; sumSeconds: number } => ({
  counts: new Array<number>(bounds.length + 1).fill(0),
  sumSeconds: 0,
});

export const sumHistograms = (a: Histogram, b: Histogram): Histogram => ({
  counts: a.counts.map((n, i) => n + b.counts[i]),
  sumSeconds: a.sumSeconds + b.sumSeconds,
});
