import { _, type Ajv, type KeywordCxt } from 'ajv';
import { betweenCheck } from './temporal';
import { INT64_END } from './validator-schema';

interface Decimal {
  readonly precision: number;
  readonly scale: number;
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
  ajv.addKeyword({ keyword: 'between', type: 'string', schemaType: 'object', compile: betweenCheck, errors: false });
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
