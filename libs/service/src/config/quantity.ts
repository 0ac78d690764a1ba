/** Units of one dimension, ascending; the value is in the base unit, whose factor is 1. */
export interface Units {
  readonly factors: readonly (readonly [string, number])[];
  /** Whether a number without a unit is taken to be in the base unit. */
  readonly bare: boolean;
  readonly sample: number;
}

/** Binary units are printed; the decimal ones are understood. */
export const BYTES: Units = {
  factors: [
    ['B', 1],
    ['KB', 1e3],
    ['KiB', 2 ** 10],
    ['MB', 1e6],
    ['MiB', 2 ** 20],
    ['GB', 1e9],
    ['GiB', 2 ** 30],
    ['TB', 1e12],
    ['TiB', 2 ** 40],
  ],
  bare: true,
  sample: 2 ** 20,
};

export const DURATION: Units = {
  factors: [
    ['ms', 1],
    ['s', 1_000],
    ['m', 60_000],
    ['h', 3_600_000],
    ['d', 86_400_000],
  ],
  bare: false,
  sample: 1_000,
};

/** `16MiB` → 16777216; undefined for what is no such quantity, not whole in the base unit, or too large to be exact. */
export function parseQuantity(text: string, units: Units): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(text);
  if (!match) return undefined;
  const [, digits, unit] = match;
  const factor = unit === '' && units.bare ? 1 : units.factors.find(([name]) => name === unit)?.[1];
  // `0` needs no unit: it is the same in all of them.
  if (factor === undefined) return unit === '' && Number(digits) === 0 ? 0 : undefined;
  const value = Number(digits) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The shortest exact way to write a value: 16777216 → `16MiB`. */
export function formatQuantity(value: number, units: Units): string {
  let best = `${value}${units.factors[0][0]}`;
  for (const [name, factor] of units.factors) {
    const text = `${value / factor}${name}`;
    if (value % factor === 0 && text.length <= best.length) best = text;
  }
  return value === 0 ? '0' : best;
}
