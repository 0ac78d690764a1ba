import { storable } from '../landing/postgres/text';
import { LATENESS_BOUNDS_SECONDS, SKEW_BOUNDS_SECONDS, type Histogram } from './buckets';
import type { LateEvents, SourceTimes } from './deltas';
import { OTHER_NAMES, readName } from './names';
import type { TenantTime, WindowRow } from './port';

const iso = (ms: number): string => new Date(ms).toISOString();

/** What an answer says of a name that stands for all those that are not counted apart. */
const OTHER = 'more names than are counted apart: these are counted together';

/**
 * A window as an answer shows it: `open` until the watermark has passed its end, `closed` once its contract's allowed
 * lateness is over too, `complete` between. Events that come later still change it.
 *
 * @param allowedSeconds by event type; null stands for windows of all types
 */
export function showWindow(
  row: WindowRow,
  time: Pick<TenantTime, 'watermarkMs'> | null,
  allowedSeconds: (eventType: string | null) => number,
): object {
  const eventType = readName(row.eventType);
  const watermarkMs = time?.watermarkMs ?? -Infinity;
  const closesMs = row.endMs + allowedSeconds(eventType) * 1_000;
  const state = watermarkMs < row.endMs ? 'open' : watermarkMs < closesMs ? 'complete' : 'closed';
  return {
    start: iso(row.startMs),
    end: iso(row.endMs),
    ...(row.kind !== '1m' && { eventType }),
    facilityId: readName(row.facility),
    ...([row.eventType, row.facility].includes(OTHER_NAMES) && { other: OTHER }),
    ...{ events: row.events, late: row.late, latenessSecondsMax: row.latenessSecondsMax },
    ...{ revision: row.revision, state },
  };
}

export const showLate = ({ day, source, contract, events, ...row }: LateEvents): object => ({
  day,
  source: readName(source),
  ...(source === OTHER_NAMES && { other: OTHER }),
  contract: contract === '' ? null : contract,
  events,
  firstAcceptedAt: iso(row.firstAcceptedMs),
  lastAcceptedAt: iso(row.lastAcceptedMs),
  latenessSecondsMax: row.latenessSecondsMax,
});

export const showSource = ({ source, hour, lateness, skew }: SourceTimes): object => ({
  hour,
  source: readName(source),
  ...(source === OTHER_NAMES && { other: OTHER }),
  latenessSeconds: showHistogram(LATENESS_BOUNDS_SECONDS, lateness),
  clockSkewSeconds: showHistogram(SKEW_BOUNDS_SECONDS, skew),
});

/** Buckets with events in them; the last bound is null, for what lies beyond the greatest. */
function showHistogram(bounds: readonly number[], { counts, sumSeconds }: Histogram): object {
  const count = counts.reduce((sum, n) => sum + n, 0);
  const buckets = counts.flatMap((n, i) => (n > 0 ? [{ upTo: bounds[i] ?? null, count: n }] : []));
  return { count, mean: count === 0 ? null : sumSeconds / count, buckets };
}

const PAGE_CHARS_MAX = 4_096;

export const encodePage = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url');

/** Null for a text that no answer gave out. */
export function decodePage<const K extends readonly ('string' | 'number')[]>(
  page: string,
  types: K,
): { [I in keyof K]: K[I] extends 'string' ? string : number } | null {
  if (page.length > PAGE_CHARS_MAX) return null;
  try {
    const key = JSON.parse(Buffer.from(page, 'base64url').toString('utf8')) as unknown[];
    const isPart = (part: unknown, type: string): boolean =>
      type === 'number' ? Number.isSafeInteger(part) : typeof part === 'string' && storable(part) === part;
    const fits = Array.isArray(key) && key.length === types.length && key.every((part, i) => isPart(part, types[i]));
    return fits ? (key as never) : null;
  } catch {
    return null;
  }
}
