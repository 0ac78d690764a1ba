import type { Validated } from '../pipeline/curate';
import type { Outcome } from '../pipeline/outcome';
import type { Origin } from '../pipeline/received';
import type { TypeStats } from './port';

/** Characters of an event type that are counted under. */
const TYPE_CHARS_MAX = 200;
const UNREADABLE = '_unreadable';

/**
 * What a batch did, by tenant and event type. `seconds` are from when the event was durable to now.
 *
 * @param healing the items were counted as quarantined before, and that is taken back
 */
export function typeStats(
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  nowMs: number,
  healing: boolean,
): TypeStats[] {
  const rows = new Map<string, Map<string, [number, number, number, number]>>();
  let lastOrigin: Origin | null = null;
  let lastType: string | null = null;
  let row: [number, number, number, number] = [0, 0, 0, 0];
  let seconds = 0;
  validated.forEach((event, i) => {
    const { fate } = outcomes[i];
    if (fate === 'waiting') return;
    const { origin } = event.received;
    const type = event.ok ? event.envelope.eventType : (event.eventType ?? UNREADABLE);
    if (origin !== lastOrigin) {
      const ms = nowMs - origin.durableMs;
      seconds = ms > 0 ? ms / 1_000 : 0;
    }
    if (origin !== lastOrigin || type !== lastType) row = rowOf(rows, origin.headers.tenant, type);
    lastOrigin = origin;
    lastType = type;
    if (healing) row[2]--;
    if (fate === 'quarantined') row[2]++;
    else {
      row[fate === 'landed' ? 0 : 1]++;
      row[3] += seconds;
    }
  });
  return [...rows].flatMap(([tenant, types]) =>
    [...types].map(([type, counts]): TypeStats => [tenant, type, ...counts]),
  );
}

function rowOf(
  rows: Map<string, Map<string, [number, number, number, number]>>,
  tenant: string,
  eventType: string,
): [number, number, number, number] {
  let types = rows.get(tenant);
  if (!types) rows.set(tenant, (types = new Map()));
  // Stored as JSON and as text: what neither holds well is not counted apart.
  const type = eventType.length > TYPE_CHARS_MAX ? eventType.slice(0, TYPE_CHARS_MAX) : eventType;
  let row = types.get(type);
  if (!row) types.set(type, (row = [0, 0, 0, 0]));
  return row;
}
