import type { Snapshot } from './snapshot';

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY_MS,
  week: 7 * DAY_MS,
};

/** Milliseconds of a table property such as `interval 7 days`; the default for a text that is no such interval. */
export function intervalMs(text: string | undefined, defaultMs: number): number {
  const parts = [...(text ?? '').matchAll(/(\d+)\s+(millisecond|second|minute|hour|day|week)s?/gi)];
  if (parts.length === 0) return defaultMs;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit.toLowerCase()], 0);
}

/** How long the table keeps its log and the files that were removed from it; the defaults are Delta's. */
export function retentionOf(snapshot: Snapshot): { logMs: number; deletedFilesMs: number; logIsCleaned: boolean } {
  const { properties } = snapshot;
  return {
    logMs: intervalMs(properties['delta.logRetentionDuration'], 30 * DAY_MS),
    deletedFilesMs: intervalMs(properties['delta.deletedFileRetentionDuration'], 7 * DAY_MS),
    logIsCleaned: properties['delta.enableExpiredLogCleanup'] !== 'false',
  };
}
