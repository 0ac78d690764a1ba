import type { KpiWindowFired } from '@millrace/topics';
import { readName, OTHER_NAMES } from './names';
import type { Firing, WindowKey, WindowRow } from './port';

/** Sorts as tenants, kinds, starts and names do; times have one length. */
export const keyOf = ({ tenant, kind, startMs, eventType, facility }: WindowKey): string =>
  JSON.stringify([tenant, kind, startMs, eventType, facility]);

/**
 * Whether a window is to be told of now, and as what: `early` at its time while the watermark has not passed it,
 * `on_time` once when it does, `late` at each change after that.
 *
 * @param isBehind its first event came after the watermark had passed it
 */
export function firingOf(
  { endMs, fired, changed }: WindowRow,
  { watermarkMs, isEarlyTime, isBehind }: { watermarkMs: number; isEarlyTime: boolean; isBehind: boolean },
): Firing | null {
  if (watermarkMs < endMs) return changed && isEarlyTime ? 'early' : null;
  if (isBehind) return 'late';
  if (fired === null || fired === 'early') return 'on_time';
  return changed ? 'late' : null;
}

/** A firing as it is published. */
export function told(row: WindowRow, watermarkMs: number): KpiWindowFired {
  return {
    window: row.kind,
    start: new Date(row.startMs).toISOString(),
    end: new Date(row.endMs).toISOString(),
    key: {
      ...(row.kind !== '1m' && { eventType: readName(row.eventType) }),
      facilityId: readName(row.facility),
      ...([row.eventType, row.facility].includes(OTHER_NAMES) && { other: true as const }),
    },
    revision: row.revision,
    kind: row.fired ?? 'early',
    watermark: new Date(watermarkMs).toISOString(),
    events: row.events,
    late: row.late,
    latenessSecondsMax: row.latenessSecondsMax,
  };
}
