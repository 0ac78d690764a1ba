export type WindowKind = '1m' | '5m' | '1d';

export interface WindowShape {
  readonly kind: WindowKind;
  readonly sizeMs: number;
  /** A window begins at each multiple of this. */
  readonly slideMs: number;
  /** Counted apart by event type, or all types together, and then only of events that name a facility. */
  readonly byType: boolean;
}

/** Events are summed by panes of event time; every window is made of whole ones. */
export const PANE_MS = 20_000;

export const WINDOWS: readonly WindowShape[] = [
  { kind: '1m', sizeMs: 60_000, slideMs: PANE_MS, byType: false },
  { kind: '5m', sizeMs: 300_000, slideMs: 300_000, byType: true },
  { kind: '1d', sizeMs: 86_400_000, slideMs: 86_400_000, byType: true },
];

export const isWindowKind = (kind: string): kind is WindowKind => WINDOWS.some((shape) => shape.kind === kind);

/** An event whose time lies further ahead of its accept time is in no window: no clock is that wrong by accident. */
export const AHEAD_MS_MAX = 2 * 86_400_000;

/** Allowed lateness where a contract is silent, or there is none. */
export const LATENESS_SECONDS_DEFAULT = 86_400;

/** Where the windows begin that an instant lies in: `start <= atMs < start + sizeMs`; earliest first. */
export function startsOf({ sizeMs, slideMs }: WindowShape, atMs: number): number[] {
  const last = Math.floor(atMs / slideMs) * slideMs;
  const starts: number[] = [];
  for (let start = last - sizeMs + slideMs; start <= last; start += slideMs) starts.push(start);
  return starts;
}
