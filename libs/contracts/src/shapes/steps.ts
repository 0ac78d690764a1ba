import type { Numbers, Step } from './shape';

/** The next double above or below, which turns exclusive bounds into inclusive ones. */
export function nextDouble(value: number, up: boolean): number {
  if (value === 0) return up ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const away = value > 0 === up;
  view.setBigInt64(0, view.getBigInt64(0) + (away ? 1n : -1n));
  return view.getFloat64(0);
}

/** Deviation of a quotient from a whole number that counts as none: 0.07 / 0.01 is 7.000000000000001. */
const MULTIPLE_DIGITS = 10;

/** Larger quotients are no multiples for ajv: their text has an exponent. */
const QUOTIENT_END = 1e21;

export function onStep(value: number, step: Step): boolean {
  if ('places' in step) {
    const unit = 10 ** step.places;
    return Math.round(value * unit) / unit === value;
  }
  const quotient = value / step.of;
  if (Math.abs(quotient) >= QUOTIENT_END) return false;
  if (Number.isInteger(step.of)) return Number.isInteger(quotient);
  return Math.abs(Math.round(quotient) - quotient) <= 10 ** -MULTIPLE_DIGITS;
}

/** All steps as one: whole multiples of `units / 10 ** scale`; null where any number goes. */
export interface Lattice {
  readonly units: bigint;
  readonly scale: number;
}

export function lattice(steps: readonly Step[]): Lattice | null {
  return steps.map(asLattice).reduce<Lattice | null>((all, one) => (all ? both(all, one) : one), null);
}

function asLattice(step: Step): Lattice {
  if ('places' in step) return { units: 1n, scale: step.places };
  const [, whole, fraction, exponent] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(step.of)) as unknown as [
    string,
    string,
    string?,
    string?,
  ];
  const scale = (fraction ?? '').length - Number(exponent ?? 0);
  const units = BigInt(whole + (fraction ?? ''));
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function both(a: Lattice, b: Lattice): Lattice {
  const scale = Math.max(a.scale, b.scale);
  const [left, right] = [unitsAt(a, scale), unitsAt(b, scale)];
  return { units: (left / gcd(left, right)) * right, scale };
}

/** Whether every multiple of `fine` is one of `coarse` too. */
export function isMultiple(fine: Lattice, coarse: Lattice): boolean {
  const scale = Math.max(fine.scale, coarse.scale);
  return unitsAt(fine, scale) % unitsAt(coarse, scale) === 0n;
}

const unitsAt = ({ units, scale }: Lattice, at: number): bigint => units * 10n ** BigInt(at - scale);

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

export const inNumbers = (value: number, { least, most, steps }: Numbers): boolean =>
  value >= least && value <= most && steps.every((step) => onStep(value, step));

/** Distinct numbers of a set: those near `around` first, then its ends; without end only where the set has none. */
export function* numbersOf(numbers: Numbers, around = 1): Generator<number> {
  const { least, most, steps } = numbers;
  if (least > most) return;
  const near = Math.min(Math.max(around, least), most);
  const grid = lattice(steps);
  if (grid) {
    yield* multiplesOf(numbers, grid, near);
    return;
  }
  const seen = new Set<number>();
  for (const value of [near, ...between(least, most, near)]) {
    if (seen.has(value) || value < least || value > most) continue;
    seen.add(value);
    yield value;
  }
}

function* between(least: number, most: number, near: number): Generator<number> {
  yield* [near + 0.5, near - 0.5, near + 0.123, least, most];
  const [low, high] = [Math.max(least, near - 1e6), Math.min(most, near + 1e6)];
  for (let parts = 2; parts <= 4096; parts *= 2)
    for (let i = 1; i < parts; i += 2) yield low + ((high - low) * i) / parts;
}

function* multiplesOf(numbers: Numbers, { units, scale }: Lattice, near: number): Generator<number> {
  const unit = 10 ** scale;
  const size = Number(units) / unit;
  const at = (k: bigint): number => Number(k * units) / unit;
  const start = BigInt(Math.round(near / size) || 0);
  let [up, down] = [true, true];
  for (let i = 0n; up || down; i++) {
    for (const k of i === 0n ? [start] : [start + i, start - i]) {
      const value = at(k);
      if (value > numbers.most) up = false;
      else if (value < numbers.least) down = false;
      else if (inNumbers(value, numbers)) yield value;
    }
  }
}

export function stepInWords(step: Step): string {
  if ('places' in step) return `a number of ${step.places} decimal places`;
  return step.of === 1 ? 'a whole number' : `a multiple of ${step.of}`;
}
