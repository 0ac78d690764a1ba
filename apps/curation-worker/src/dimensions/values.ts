import { type AttributeType, DIMENSION_LIMITS, type Value } from './model';

const WHOLE = /^-?(?:0|[1-9]\d{0,14})$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

/** The narrowest type that holds all values of a column as they are: a code such as 007 stays a text. */
export function inferType(rows: readonly Readonly<Record<string, unknown>>[], name: string): AttributeType {
  let type: AttributeType | null = null;
  for (const row of rows) {
    const found = typeOf(row[name]);
    if (found === null || found === type) continue;
    if (type === null) type = found;
    else if (isNumber(type) && isNumber(found)) type = 'double';
    else return 'string';
  }
  return type ?? 'string';
}

const isNumber = (type: AttributeType): boolean => type === 'long' || type === 'double';

function typeOf(value: unknown): AttributeType | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'long' : 'double';
  if (typeof value !== 'string') return 'string';
  if (value === 'true' || value === 'false') return 'boolean';
  if (WHOLE.test(value)) return 'long';
  return NUMBER.test(value) ? 'double' : 'string';
}

/** A cell as a value of a type where it reads as one, else unchanged. An absent or empty cell is null. */
export function valueOf(cell: unknown, type: AttributeType): unknown {
  if (cell === undefined || cell === null || cell === '') return null;
  if (type === 'string') return typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : cell;
  if (typeof cell !== 'string') return cell;
  if (type === 'boolean') return cell === 'true' ? true : cell === 'false' ? false : cell;
  return NUMBER.test(cell) ? Number(cell) : cell;
}

export function fits(value: unknown, type: AttributeType): value is Value {
  if (value === null) return true;
  switch (type) {
    case 'string':
      return typeof value === 'string' && value.length <= DIMENSION_LIMITS.valueCharsMax;
    case 'boolean':
      return typeof value === 'boolean';
    case 'long':
      return Number.isSafeInteger(value);
    case 'double':
      return Number.isFinite(value);
  }
}
