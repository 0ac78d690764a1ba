import { _, type Ajv, type KeywordCxt } from 'ajv';
import { INT64_END } from './validator-schema';

interface Decimal {
  readonly precision: number;
  readonly scale: number;
}

interface Bounds {
  readonly as: 'date' | 'timestamp' | 'time';
  readonly minimum?: string;
  readonly maximum?: string;
  readonly exclusiveMinimum?: string;
  readonly exclusiveMaximum?: string;
}

/** Teaches ajv what JSON Schema has no word for: 64-bit integers, exact decimals, bounds of times. */
export function addKeywords(ajv: Ajv): void {
  // Inlined into the generated code; a function call would cost more than the comparison.
  ajv.addKeyword({
    keyword: 'int64',
    type: 'number',
    schemaType: 'boolean',
    code: (cxt: KeywordCxt) => cxt.fail(_`${cxt.data} <= ${-INT64_END} || ${cxt.data} >= ${INT64_END}`),
  });
  ajv.addKeyword({
    keyword: 'int64Rounded',
    type: 'number',
    schemaType: 'boolean',
    code: (cxt: KeywordCxt) => cxt.fail(_`${cxt.data} < ${-INT64_END} || ${cxt.data} > ${INT64_END}`),
  });
  ajv.addKeyword({ keyword: 'decimal', type: 'number', schemaType: 'object', compile: decimalCheck, errors: false });
  ajv.addKeyword({ keyword: 'between', type: 'string', schemaType: 'object', compile: boundsCheck, errors: false });
}

/**
 * A number fits decimal(precision, scale) when it is the double of such a decimal: division of two exact integers rounds
 * correctly (IEEE 754), so the quotient is that double or none.
 */
function decimalCheck({ precision, scale }: Decimal): (value: number) => boolean {
  const unit = 10 ** scale;
  const end = 10 ** precision;
  return (value) => {
    const units = Math.round(value * unit);
    return Math.abs(units) < end && units / unit === value;
  };
}

function boundsCheck(bounds: Bounds): (text: string) => boolean {
  const order = bounds.as === 'timestamp' ? instantOrder : (text: string): string => text;
  const at = (bound: string | undefined): string | null => (bound === undefined ? null : order(bound));
  const [least, most] = [at(bounds.minimum), at(bounds.maximum)];
  const [above, below] = [at(bounds.exclusiveMinimum), at(bounds.exclusiveMaximum)];
  return (text) => {
    const value = order(text);
    return (
      (least === null || value >= least) &&
      (most === null || value <= most) &&
      (above === null || value > above) &&
      (below === null || value < below)
    );
  };
}

/** Text that sorts as the instants do: whole seconds since the year 1 in UTC, then the digits of the fraction. */
function instantOrder(text: string): string {
  const [, whole, fraction, offset] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(text) as unknown as [
    string,
    string,
    string?,
    string?,
  ];
  const seconds = Date.parse(`${whole}${offset}`.toUpperCase()) / 1000;
  const fromYearOne = seconds + 62_135_596_800 + 86_400;
  return `${String(fromYearOne).padStart(13, '0')}.${(fraction ?? '').replace(/0+$/, '')}`;
}
