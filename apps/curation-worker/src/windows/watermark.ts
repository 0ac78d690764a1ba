import type { SourceProgress } from './port';

export interface WatermarkOptions {
  /** How far events of a source may be out of order without being late for their windows, ms. */
  readonly delayMs: number;
  /** A source that sends nothing for longer holds up no watermark, ms. */
  readonly idleMs: number;
}

/**
 * How far event time has come, of all sources together: the least of those that send. When none does, time goes on from
 * the furthest at the pace of the clock, or the last windows before a pause would wait for its end. It never falls.
 */
export function watermarkOf(
  sources: readonly SourceProgress[],
  beforeMs: number,
  nowMs: number,
  { delayMs, idleMs }: WatermarkOptions,
): number {
  if (sources.length === 0) return beforeMs;
  const active = sources.filter(({ seenMs }) => nowMs - seenMs < idleMs);
  if (active.length > 0) return Math.max(beforeMs, Math.min(...active.map(({ reachedMs }) => reachedMs)) - delayMs);
  const furthestMs = Math.max(...sources.map(({ reachedMs }) => reachedMs));
  const quietMs = nowMs - Math.max(...sources.map(({ seenMs }) => seenMs));
  return Math.max(beforeMs, Math.min(nowMs, furthestMs + quietMs) - delayMs);
}
