/** 97.5 % quantile of the normal distribution. */
const Z = 1.959964;

export interface Estimate {
  readonly count: number;
  /** Bounds of the 95 % confidence interval. */
  readonly low: number;
  readonly high: number;
}

/**
 * How many of `all` have a property that `found` of `examined` have, drawn at random: Wilson's score interval
 * (JASA 22, 1927), which holds for rare and for common properties.
 */
export function estimate(found: number, examined: number, all: number): Estimate {
  if (examined >= all) return { count: found, low: found, high: found };
  if (examined === 0) return { count: 0, low: 0, high: all };
  const share = found / examined;
  const z2 = (Z * Z) / examined;
  const middle = (share + z2 / 2) / (1 + z2);
  const reach = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / examined + z2 / (4 * examined));
  // What was seen is there.
  const low = Math.max(found, Math.floor((middle - reach) * all));
  const high = Math.min(all - (examined - found), Math.ceil((middle + reach) * all));
  return { count: Math.round(share * all), low, high };
}
