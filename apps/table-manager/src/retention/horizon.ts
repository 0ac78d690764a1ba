const DAY_MS = 86_400_000;

/** How far retention has got where no events say what time it is, ms since 1970. */
export interface Horizon {
  readonly atMs: number;
  /** When it last went on, by this process's clock. */
  readonly movedMs: number;
}

/**
 * Up to a day after the newest event the clock is believed: whoever took that event in had the same time. Beyond that the
 * horizon goes on by a day each day: as it would in a lake that rests, and no faster by a clock that is ahead. A clock that
 * is behind deletes late.
 *
 * @returns the time that rows are over by, and what to remember where it went on
 */
export function horizonAt(
  nowMs: number,
  newestMs: number,
  known: Horizon | null,
): { readonly atMs: number; readonly moved: Horizon | null } {
  const believedMs = newestMs + DAY_MS;
  if (nowMs <= believedMs) return { atMs: nowMs, moved: null };
  // Since events came there has been no need for it.
  if (known === null || known.atMs < believedMs)
    return { atMs: believedMs, moved: { atMs: believedMs, movedMs: nowMs } };
  if (nowMs - known.movedMs < DAY_MS) return { atMs: Math.min(known.atMs, nowMs), moved: null };
  const atMs = Math.min(nowMs, known.atMs + DAY_MS);
  return { atMs, moved: { atMs, movedMs: nowMs } };
}
