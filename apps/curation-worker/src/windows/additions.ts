import { sumHistograms } from './buckets';
import { type LateEvents, type Measures, type Pane, type SourceTimes, sumLate, type TimeDelta } from './deltas';
import { NO_NAME, OTHER_NAMES, written } from './names';
import { addTo, PaneSums, type WindowAddition } from './pane-sums';
import type { CountedName, Dimension, NameCount, TenantTime } from './port';

/** What the deltas of a round add, by what they add it to. */
export class Additions {
  readonly newNames: CountedName[] = [];
  private readonly names = new Map<string, Set<string>>();
  /** Names that are counted by, those among them that these deltas do not have. */
  private readonly counts = new Map<string, number>();
  private readonly panes = new PaneSums();
  private readonly bySource = new Map<string, SourceTimes & { readonly tenant: string }>();
  private readonly byDay = new Map<string, LateEvents & { readonly tenant: string }>();

  /** @param known those of `namesIn` that are counted by, and how many there are of each tenant and dimension */
  constructor(
    known: { readonly names: readonly CountedName[]; readonly counts: readonly NameCount[] },
    private readonly namesMax: number,
  ) {
    for (const { tenant, dimension, name } of known.names) this.namesOf(tenant, dimension).add(name);
    for (const { tenant, dimension, names } of known.counts) this.counts.set(`${dimension} ${tenant}`, names);
  }

  add({ tenant, panes, sources, late }: TimeDelta, time: TenantTime | undefined): void {
    this.addPanes(tenant, panes, time?.prunedToMs ?? -Infinity);
    for (const { source, ...times } of sources) {
      const name = this.counted(tenant, 'source', source);
      const key = JSON.stringify([tenant, times.hour, name]);
      const before = this.bySource.get(key);
      this.bySource.set(key, {
        ...{ tenant, source: name, hour: times.hour },
        lateness: before ? sumHistograms(before.lateness, times.lateness) : times.lateness,
        skew: before ? sumHistograms(before.skew, times.skew) : times.skew,
      });
    }
    for (const row of late) {
      const source = this.counted(tenant, 'source', row.source);
      const key = JSON.stringify([tenant, row.day, source, row.contract]);
      const before = this.byDay.get(key);
      this.byDay.set(key, { ...(before ? sumLate(before, row) : row), tenant, source });
    }
  }

  windows(): ReadonlyMap<string, WindowAddition> {
    return this.panes.windows();
  }

  sources(): (SourceTimes & { readonly tenant: string })[] {
    return sorted(this.bySource);
  }

  late(): (LateEvents & { readonly tenant: string })[] {
    return sorted(this.byDay);
  }

  private addPanes(tenant: string, panes: readonly Pane[], prunedToMs: number): void {
    // Thousands of panes have a few pairs of names.
    const sums = new Map<string, Map<string | null, Map<number, Measures>>>();
    for (const pane of panes) {
      let ofType = sums.get(pane.eventType);
      if (!ofType) sums.set(pane.eventType, (ofType = new Map()));
      let ofBoth = ofType.get(pane.facility);
      if (!ofBoth) {
        const type = this.counted(tenant, 'type', pane.eventType);
        const facility = pane.facility === null ? NO_NAME : this.counted(tenant, 'facility', pane.facility);
        ofType.set(pane.facility, (ofBoth = this.panes.of(tenant, type, facility, prunedToMs)));
      }
      addTo(ofBoth, pane.atMs, pane);
    }
  }

  /** The name as keys have it; the first so many are counted apart. */
  private counted(tenant: string, dimension: Dimension, name: string): string {
    const known = this.namesOf(tenant, dimension);
    if (known.has(name)) return written(name);
    const key = `${dimension} ${tenant}`;
    const count = this.counts.get(key) ?? 0;
    if (count >= this.namesMax) return OTHER_NAMES;
    known.add(name);
    this.counts.set(key, count + 1);
    this.newNames.push({ tenant, dimension, name });
    return written(name);
  }

  private namesOf(tenant: string, dimension: Dimension): Set<string> {
    const key = `${dimension} ${tenant}`;
    let names = this.names.get(key);
    if (!names) this.names.set(key, (names = new Set()));
    return names;
  }
}

/** Every name that deltas count by, each once. */
export function namesIn(deltas: readonly TimeDelta[]): CountedName[] {
  const names = new Map<string, CountedName>();
  const note = (tenant: string, dimension: Dimension, name: string): void =>
    void names.set(`${dimension} ${tenant} ${name}`, { tenant, dimension, name });
  for (const { tenant, panes, sources, late } of deltas) {
    for (const eventType of new Set(panes.map((pane) => pane.eventType))) note(tenant, 'type', eventType);
    for (const facility of new Set(panes.map((pane) => pane.facility)))
      if (facility !== null) note(tenant, 'facility', facility);
    for (const { source } of [...sources, ...late]) note(tenant, 'source', source);
  }
  return [...names.values()];
}

const sorted = <T>(rows: ReadonlyMap<string, T>): T[] =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
