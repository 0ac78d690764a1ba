import type { Measures, Pane, TimeDelta } from '../deltas';

/** Numbers of a pane in the stored form: type and facility by their place among the names, then when and how many. */
const PANE_NUMBERS = 6;

type Stored = Omit<TimeDelta, 'panes'> & {
  readonly names: readonly string[];
  /** Flat: a batch of scattered events has a pane each, and its names would be most of the text. */
  readonly panes: readonly number[];
};

export const encodeDeltas = (deltas: readonly TimeDelta[]): string => JSON.stringify(deltas.map(toStored));

export const decodeDeltas = (json: string): TimeDelta[] => (JSON.parse(json) as Stored[]).map(fromStored);

function toStored({ panes, ...delta }: TimeDelta): Stored {
  const places = new Map<string, number>();
  const placeOf = (name: string | null): number => {
    if (name === null) return -1;
    let place = places.get(name);
    if (place === undefined) places.set(name, (place = places.size));
    return place;
  };
  const numbers: number[] = [];
  for (const { atMs, eventType, facility, events, late, latenessSecondsMax } of panes)
    numbers.push(placeOf(eventType), placeOf(facility), atMs, events, late, latenessSecondsMax);
  return { ...delta, names: [...places.keys()], panes: numbers };
}

function fromStored({ panes: numbers, names, ...delta }: Stored): TimeDelta {
  const panes: Pane[] = [];
  for (let i = 0; i < numbers.length; i += PANE_NUMBERS) {
    const [type, facility, atMs, events, late, latenessSecondsMax] = numbers.slice(i, i + PANE_NUMBERS);
    const measures: Measures = { events, late, latenessSecondsMax };
    panes.push({ atMs, eventType: names[type], facility: facility < 0 ? null : names[facility], ...measures });
  }
  return { ...delta, panes };
}
