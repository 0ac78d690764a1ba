import type { FieldProfile } from '@millrace/topics';
import type { Property } from '../model';
import { valuesOf } from '../profile/history';

/**
 * What a field is taken for. `any` is a text column that takes every value: where values of several types come, or
 * numbers that neither 64 bits nor a double hold. An `object` becomes columns of its own, a `free_object` JSON.
 */
export type Kind =
  'boolean' | 'integer' | 'number' | 'string' | 'date' | 'timestamp' | 'array' | 'object' | 'free_object' | 'any';

/**
 * A field is a column of whole numbers once so many have been seen, and nothing else: 25 is what an amount of 25.00 looks
 * like, a column never changes its type, and a double holds every whole number up to 2^53.
 */
export const INTEGERS_MIN = 20;

const INT64_END = 2 ** 63;

/** The narrowest kind that every value seen has; null while there was none but null. */
export function kindOf(field: FieldProfile): Kind | null {
  const values = valuesOf(field);
  if (values === 0) return null;
  if (field.objects === values) return field.wide ? 'free_object' : 'object';
  if (field.arrays === values) return 'array';
  if (field.booleans === values) return 'boolean';
  if (numbersOf(field) === values) return numberKind(field);
  if (field.strings === values) return textKind(field);
  return 'any';
}

function numberKind({ integers = 0, bigIntegers = 0, fractions = 0, min = 0, max = 0 }: FieldProfile): Kind {
  if (bigIntegers > 0) return fractions === 0 && min > -INT64_END && max < INT64_END ? 'integer' : 'any';
  return fractions === 0 && integers >= INTEGERS_MIN ? 'integer' : 'number';
}

function textKind({ sampled = 0, dates = 0, timestamps = 0 }: FieldProfile): Kind {
  if (sampled > 0 && dates === sampled) return 'date';
  return sampled > 0 && timestamps === sampled ? 'timestamp' : 'string';
}

const numbersOf = ({ integers = 0, bigIntegers = 0, fractions = 0 }: FieldProfile): number =>
  integers + bigIntegers + fractions;

/** What a contract takes a field for. */
export function kindOfProperty(property: Property): Kind {
  if (property.anyValue) return 'any';
  if (property.logicalType === 'time') return 'string';
  if (property.logicalType === 'object') return property.properties.length > 0 ? 'object' : 'free_object';
  return property.logicalType;
}

/** How many of the values seen do not fit a kind; of texts' forms as far as they were looked at. */
export function misfits(field: FieldProfile, kind: Kind): number {
  const values = valuesOf(field);
  const { strings = 0, sampled = 0 } = field;
  const ofForm = (count = 0): number => (sampled === 0 ? strings : Math.floor((strings * count) / sampled));
  switch (kind) {
    case 'any':
      return 0;
    case 'boolean':
      return values - (field.booleans ?? 0);
    case 'integer':
      return values - (field.integers ?? 0) - (field.bigIntegers ?? 0);
    case 'number':
      return values - numbersOf(field);
    case 'string':
      return values - strings;
    case 'date':
      return values - ofForm(field.dates);
    case 'timestamp':
      return values - ofForm(field.timestamps);
    case 'array':
      return values - (field.arrays ?? 0);
    case 'object':
    case 'free_object':
      return values - (field.objects ?? 0);
  }
}

/**
 * What a field is widened to once enough of its values do not fit: a whole number to a number, times to texts,
 * everything else to `any`. Null where it stays as it is: the fields of an object are columns already.
 */
export function widened(kind: Kind, field: FieldProfile): Kind | null {
  if (kind === 'any' || kind === 'object') return null;
  const values = valuesOf(field);
  if (kind === 'integer' && numbersOf(field) === values && !field.bigIntegers) return 'number';
  if ((kind === 'date' || kind === 'timestamp') && field.strings === values) return 'string';
  return 'any';
}
