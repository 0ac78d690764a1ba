import { type Measures, sumMeasures } from './deltas';
import { keyOf } from './firings';
import { startsOf, WINDOWS } from './kinds';
import { NO_NAME } from './names';
import type { WindowKey } from './port';

export type WindowAddition = WindowKey & Measures & { readonly endMs: number };

/** Panes with these names, by when they begin. */
interface PaneGroup {
  readonly tenant: string;
  /** As keys have them. */
  readonly eventType: string;
  readonly facility: string;
  readonly prunedToMs: number;
  readonly byStart: Map<number, Measures>;
}

/**
 * Panes of many batches, added up before windows are made of them: batches have many panes in common, and a pane is part
 * of five windows.
 */
export class PaneSums {
  private readonly groups = new Map<string, PaneGroup>();

  /**
   * Sums of the panes with these names, by when they begin, to be added to.
   *
   * @param prunedToMs windows of the tenant that end by then are forgotten, and get no more
   */
  of(tenant: string, eventType: string, facility: string, prunedToMs: number): Map<number, Measures> {
    const name = JSON.stringify([tenant, eventType, facility]);
    let group = this.groups.get(name);
    if (!group) this.groups.set(name, (group = { tenant, eventType, facility, prunedToMs, byStart: new Map() }));
    return group.byStart;
  }

  /** What they add to windows, by the windows' keys. */
  windows(): ReadonlyMap<string, WindowAddition> {
    const windows = new Map<string, WindowAddition>();
    for (const { tenant, eventType, facility, prunedToMs, byStart } of this.groups.values())
      for (const shape of WINDOWS) {
        if (!shape.byType && facility === NO_NAME) continue;
        const sums = new Map<number, Measures>();
        for (const [atMs, measures] of byStart)
          for (const startMs of startsOf(shape, atMs))
            if (startMs + shape.sizeMs > prunedToMs) addTo(sums, startMs, measures);
        for (const [startMs, measures] of sums) {
          const window = { tenant, kind: shape.kind, startMs, eventType: shape.byType ? eventType : NO_NAME, facility };
          const key = keyOf(window);
          const before = windows.get(key);
          const sum = before ? sumMeasures(before, measures) : measures;
          windows.set(key, { ...window, endMs: startMs + shape.sizeMs, ...sum });
        }
      }
    return windows;
  }
}

export function addTo(sums: Map<number, Measures>, atMs: number, { events, late, latenessSecondsMax }: Measures): void {
  const before = sums.get(atMs);
  const measures = { events, late, latenessSecondsMax };
  sums.set(atMs, before ? sumMeasures(before, measures) : measures);
}
