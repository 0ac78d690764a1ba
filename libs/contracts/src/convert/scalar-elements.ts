import { FORMAT_TEXTS } from '../shapes/formats';
import type { Alternative } from '../shapes/shape';
import { NUMBERS_ALL } from '../shapes/shape';
import { nextDouble, stepInWords } from '../shapes/steps';
import type { Raw } from './loss';

type Lose = (what: string, why: string) => void;

const INT64_END = 2 ** 63;
const DECIMAL_PRECISION_MAX = 15;

/**
 * A number of a schema as a contract's: whole ones fit 64 bits, decimal places are those of decimal(p,s). Multiples of a
 * whole number are integers, unless a contract called them numbers before.
 */
export function numberElement({ numbers }: Alternative, lose: Lose, wasNumber: boolean): Raw {
  if (!numbers) return {};
  const whole = !wasNumber && numbers.steps.some((step) => 'of' in step && Number.isInteger(step.of));
  const multiples = [
    ...new Set(
      numbers.steps.flatMap((step) =>
        'of' in step && Number.isInteger(step.of) && (wasNumber || step.of !== 1) ? [step.of] : [],
      ),
    ),
  ];
  const fraction = numbers.steps.find((step) => 'of' in step && !Number.isInteger(step.of));
  const places = fraction && 'of' in fraction ? /^1e-(\d+)$/.exec(fraction.of.toExponential())?.[1] : undefined;
  if (fraction && places === undefined)
    lose(stepInWords(fraction), 'a contract knows decimal places and whole divisors');
  if (multiples.length > 1) lose('several divisors', 'a contract has one: the first is taken');
  const bounds: Record<string, number> = {};
  if (whole && (numbers.least < -INT64_END || numbers.most > INT64_END))
    lose('whole numbers beyond 64 bits', 'columns hold 64 bits: others are refused');
  edge(numbers.least, whole, false, bounds);
  edge(numbers.most, whole, true, bounds);
  if (multiples.length > 0) bounds.multipleOf = multiples[0];
  return {
    logicalType: whole ? 'integer' : 'number',
    ...(Object.keys(bounds).length > 0 ? { logicalTypeOptions: bounds } : {}),
    ...(places !== undefined && !whole
      ? { physicalType: `decimal(${DECIMAL_PRECISION_MAX},${Math.min(Number(places), DECIMAL_PRECISION_MAX)})` }
      : {}),
  };
}

function edge(value: number, whole: boolean, upper: boolean, bounds: Record<string, number>): void {
  const [inclusive, exclusive] = upper ? ['maximum', 'exclusiveMaximum'] : ['minimum', 'exclusiveMinimum'];
  if (value === (upper ? NUMBERS_ALL.most : NUMBERS_ALL.least)) return;
  if (whole) {
    const end = upper ? Math.floor(value) : Math.ceil(value);
    if (Number.isSafeInteger(end)) bounds[inclusive] = end;
    return;
  }
  // An exclusive bound was turned into the double beside it, whose text is much longer.
  const beside = nextDouble(value, upper);
  if (String(beside).length < String(value).length) bounds[exclusive] = beside;
  else bounds[inclusive] = value;
}

const TEMPORAL: Readonly<Record<string, string>> = { date: 'date', 'date-time': 'timestamp' };

/** A text of a schema as a contract's; dates and timestamps are types of their own there. */
export function stringElement({ strings }: Alternative, lose: Lose, patternedMax: number): Raw {
  if (!strings) return {};
  const { min, max, patterns, formats } = strings;
  const temporal = formats.find((format) => format in TEMPORAL);
  if (temporal) {
    if (patterns.length + formats.length > 1 || min > 0 || max < Infinity)
      lose('length, pattern or further format', `a ${TEMPORAL[temporal]} of a contract has a form of its own`);
    return { logicalType: TEMPORAL[temporal] };
  }
  const written = formats.filter((format) => format === 'full-time');
  const all = [...patterns, ...written.map((format) => FORMAT_TEXTS[format].pattern)];
  const kept = formats.filter((format) => format !== 'full-time');
  if (all.length > 1) lose('several patterns', 'a contract has one: the first is taken');
  if (kept.length > 1) lose('several formats', 'a contract has one: the first is taken');
  if (all.length > 0 && max > patternedMax)
    lose(
      `texts of more than ${patternedMax} characters`,
      'patterns of a contract see short texts only: longer ones are refused',
    );
  const given = {
    minLength: min || undefined,
    maxLength: max === Infinity ? undefined : max,
    pattern: all[0],
    format: kept[0],
  };
  const stated = Object.entries(given).filter(([, value]) => value !== undefined);
  return { logicalType: 'string', ...(stated.length > 0 ? { logicalTypeOptions: Object.fromEntries(stated) } : {}) };
}
