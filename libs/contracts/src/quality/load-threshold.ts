import { type DocumentReader, type Fields, join } from '../document-reader';
import type { Threshold } from './model';

const COMPARISONS: Readonly<Record<string, '=' | '<>' | '>' | '>=' | '<' | '<='>> = {
  mustBe: '=',
  mustNotBe: '<>',
  mustBeGreaterThan: '>',
  mustBeGreaterOrEqualTo: '>=',
  mustBeLessThan: '<',
  mustBeLessOrEqualTo: '<=',
};
const RANGES: Readonly<Record<string, 'between' | 'not between'>> = {
  mustBeBetween: 'between',
  mustNotBeBetween: 'not between',
};

/** Reads the one `mustBe…` key of a rule; null where there is none. */
export function loadThreshold(reader: DocumentReader, rule: Fields, at: string): Threshold | null {
  const keys = Object.keys(rule).filter((key) => key.startsWith('must'));
  if (keys.length > 1) reader.note(at, `has ${keys.join(' and ')}: one of them says what the value must be`);
  const [key] = keys;
  if (key === undefined) return null;
  const value = rule[key];
  if (Object.hasOwn(COMPARISONS, key)) {
    if (typeof value === 'number' && Number.isFinite(value)) return { op: COMPARISONS[key], value };
    reader.note(join(at, key), 'must be a number');
    return null;
  }
  const [from, to] = Array.isArray(value) ? (value as unknown[]) : [];
  const isRange = Array.isArray(value) && value.length === 2 && finite(from) && finite(to) && from <= to;
  if (!Object.hasOwn(RANGES, key) || !isRange) {
    reader.note(join(at, key), 'must be two numbers, the smaller one first');
    return null;
  }
  return { op: RANGES[key], from, to };
}

const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
