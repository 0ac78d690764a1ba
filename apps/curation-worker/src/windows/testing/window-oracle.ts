import type { LateEvents, Measures } from '../deltas';

/** A landed event as anybody may read it in the tables. */
export interface OracleEvent {
  readonly eventType: string;
  /** Null where the event names none. */
  readonly facility: string | null;
  readonly source: string;
  readonly contract: string | null;
  /** Of the contract; a day without one. */
  readonly latenessSecondsAllowed: number;
  readonly eventMs: number;
  readonly ingestMs: number;
}

export type OracleWindow = Measures & {
  readonly kind: string;
  readonly startMs: number;
  readonly eventType: string | null;
  readonly facility: string | null;
};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Kinds as the documentation states them: size and distance of the starts, ms. */
const KINDS = { '1m': [MINUTE_MS, 20_000], '5m': [5 * MINUTE_MS, 5 * MINUTE_MS], '1d': [DAY_MS, DAY_MS] } as const;

/** What windows must hold: a plain computation over all events at once, written apart from the product's. */
export function windowsOf(events: Iterable<OracleEvent>): OracleWindow[] {
  const windows = new Map<string, { -readonly [K in keyof OracleWindow]: OracleWindow[K] }>();
  for (const { eventType, facility, eventMs, ingestMs, latenessSecondsAllowed } of events) {
    if (eventMs - ingestMs > 2 * DAY_MS) continue;
    const seconds = (ingestMs - eventMs) / 1_000;
    for (const [kind, [sizeMs, slideMs]] of Object.entries(KINDS)) {
      if (kind === '1m' && facility === null) continue;
      const type = kind === '1m' ? null : eventType;
      for (
        let startMs = eventMs - (((eventMs % slideMs) + slideMs) % slideMs);
        startMs + sizeMs > eventMs;
        startMs -= slideMs
      ) {
        const key = JSON.stringify([kind, startMs, type, facility]);
        let window = windows.get(key);
        if (!window) {
          window = { kind, startMs, eventType: type, facility, events: 0, late: 0, latenessSecondsMax: 0 };
          windows.set(key, window);
        }
        window.events++;
        if (seconds > latenessSecondsAllowed) window.late++;
        window.latenessSecondsMax = Math.max(window.latenessSecondsMax, Math.floor(seconds));
      }
    }
  }
  return [...windows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, window]) => window);
}

/** What the ledger of late data must hold. */
export function lateOf(events: Iterable<OracleEvent>): LateEvents[] {
  const late = new Map<string, OracleEvent[]>();
  for (const event of events) {
    if ((event.ingestMs - event.eventMs) / 1_000 <= event.latenessSecondsAllowed) continue;
    const key = JSON.stringify([
      new Date(event.eventMs).toISOString().slice(0, 10),
      event.source,
      event.contract ?? '',
    ]);
    late.set(key, [...(late.get(key) ?? []), event]);
  }
  return [...late]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, some]) => {
      const [day, source, contract] = JSON.parse(key) as [string, string, string];
      const accepted = some.map(({ ingestMs }) => ingestMs);
      const lateness = some.map(({ ingestMs, eventMs }) => Math.floor((ingestMs - eventMs) / 1_000));
      const span = { firstAcceptedMs: Math.min(...accepted), lastAcceptedMs: Math.max(...accepted) };
      return { day, source, contract, events: some.length, ...span, latenessSecondsMax: Math.max(...lateness) };
    });
}
