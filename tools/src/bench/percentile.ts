/** The value below which a share `p` of the sorted ones lies; `none` where there are none. */
export const percentile = (sorted: ArrayLike<number>, p: number, none = Number.NaN): number =>
  sorted.length === 0 ? none : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];
