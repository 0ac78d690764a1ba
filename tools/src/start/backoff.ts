export interface BackoffLimits {
  /** Delay before the first restart. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A process that was up this long is healthy again: its next crash counts as the first. */
  readonly steadyMs: number;
}

export const RESTART_LIMITS: BackoffLimits = { delayMsMin: 250, delayMsMax: 30_000, steadyMs: 60_000 };

/**
 * How long to wait before the n-th restart in a row (n from 1): exponential, with "equal jitter" (half fixed, half
 * random), so that services that fell together do not come back together and none comes back at once.
 */
export function restartDelayMs(failures: number, random: () => number, limits: BackoffLimits = RESTART_LIMITS): number {
  const ceiling = Math.min(limits.delayMsMax, limits.delayMsMin * 2 ** Math.min(failures - 1, 30));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** Failures in a row, counting a crash after `uptimeMs`. */
export function failuresAfterCrash(before: number, uptimeMs: number, limits: BackoffLimits = RESTART_LIMITS): number {
  return uptimeMs >= limits.steadyMs ? 1 : before + 1;
}
