import { LosslessNumber, parse } from 'lossless-json';
import type { Property } from './model';

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/**
 * Finds an integer field whose digits do not fit 64 bits, in a payload's own text. Needed only where a rounded value is
 * ±2^63: 9223372036854775807 fits and 9223372036854775808 does not, yet both are the same double.
 *
 * @returns the segments of the first offender, or null
 */
export function findOversizeInteger(payloadJson: string, properties: readonly Property[]): (string | number)[] | null {
  return search(parse(payloadJson), properties, []);
}

function search(
  value: unknown,
  properties: readonly Property[],
  path: (string | number)[],
): (string | number)[] | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const property of properties) {
    if (!Object.hasOwn(value, property.name)) continue;
    const found = searchProperty((value as Record<string, unknown>)[property.name], property, [...path, property.name]);
    if (found) return found;
  }
  return null;
}

function searchProperty(value: unknown, property: Property, path: (string | number)[]): (string | number)[] | null {
  if (property.logicalType === 'object') return search(value, property.properties, path);
  if (property.logicalType === 'integer') return value instanceof LosslessNumber && oversize(value.value) ? path : null;
  if (property.logicalType !== 'array' || property.items === null || !Array.isArray(value)) return null;
  for (const [index, element] of value.entries()) {
    const found = searchProperty(element, property.items, [...path, index]);
    if (found) return found;
  }
  return null;
}

function oversize(digits: string): boolean {
  // With a fraction or an exponent it is a double, exact as it stands.
  const value = /^-?\d+$/.test(digits)
    ? BigInt(digits)
    : Number.isFinite(Number(digits))
      ? BigInt(Number(digits))
      : MOST + 1n;
  return value < LEAST || value > MOST;
}
