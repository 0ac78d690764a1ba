/** Milliseconds in a day: the most that the age limit moves in one run. */
const DAY_MS = 86_400_000;

/** Trimming by bytes begins here, as a share of `bytesMax`, so that a keeping-up topic never meets its limit. */
export const TRIM_TO_SHARE = 0.9;

export interface AgeCut {
  /** Batches appended before this are too old. */
  readonly cutMs: number;
  /** When that was decided. */
  readonly atMs: number;
}

/**
 * Where the age limit may stand now. Age counts to the earlier of the engine's clock and the newest append, so that a
 * clock that runs ahead does not age an idle log. And the limit moves at most twice as fast as time passes and one day
 * a run: a clock that leaps a year ahead costs a day of the oldest data and then time to notice, not the log.
 *
 * @param before what the last run decided, null before the first
 */
export function nextAgeCut(input: {
  readonly nowMs: number;
  readonly oldestMs: number;
  readonly newestMs: number;
  readonly retentionMs: number;
  readonly before: AgeCut | null;
}): AgeCut {
  const { nowMs, oldestMs, newestMs, retentionMs, before } = input;
  const wantedMs = Math.min(nowMs, newestMs) - retentionMs;
  const fromMs = Math.max(before?.cutMs ?? oldestMs, oldestMs);
  const passedMs = before ? Math.max(0, nowMs - before.atMs) : DAY_MS;
  const allowedMs = fromMs + Math.min(DAY_MS, 2 * passedMs);
  return { cutMs: Math.max(before?.cutMs ?? -Infinity, Math.min(wantedMs, allowedMs)), atMs: nowMs };
}
