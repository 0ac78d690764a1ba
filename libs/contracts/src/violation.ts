import type { ErrorObject } from 'ajv';
import { formatJsonPath } from './property-path';

/** Why a payload breaks its contract. */
export interface Violation {
  /** Stable code by which refusals are grouped. */
  readonly reason: ViolationReason;
  /** The rule in words; the same for every event that breaks it, and without the offending value, which may be personal. */
  readonly rule: string;
  /** JSON path of the offending value from the event, e.g. `$.payload.status`. */
  readonly path: string;
}

/** What a person reads above a group of refusals. */
export const VIOLATION_REASONS = {
  missing_required: 'A required field is missing',
  wrong_type: 'A field has the wrong type',
  unknown_value: 'A value is not among those allowed',
  invalid_timestamp: 'A timestamp is not a real one',
  invalid_date: 'A date is not a real one',
  invalid_format: 'A text does not have the required form',
  out_of_range: 'A number or time is out of range',
  invalid_length: 'A text or list is too short or too long',
  duplicate_items: 'A list holds a value twice',
  unknown_field: 'A field is not in the contract',
  rejected_field: 'A field is not in the contract, which rejects such events',
  contradiction: 'Two fields contradict each other',
  contract_violation: 'The payload breaks its contract',
} as const;

export type ViolationReason = keyof typeof VIOLATION_REASONS;

/** Values listed in a rule; the rest is counted. */
const VALUES_SHOWN_MAX = 20;

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

const FORMATS: Readonly<Record<string, readonly [ViolationReason, string]>> = {
  'date-time': ['invalid_timestamp', 'must be an RFC 3339 timestamp with its offset, as in 2013-02-01T10:00:00Z'],
  date: ['invalid_date', 'must be a date of the calendar, as in 2013-02-01'],
  time: ['invalid_timestamp', 'must be a time, as in 10:00:00'],
};

/** Turns ajv's first error (of an instance with `verbose`) into a violation. */
export function toViolation(error: ErrorObject): Violation {
  const segments: (string | number)[] = ['payload', ...pointerSegments(error.instancePath)];
  if (error.keyword === 'required') segments.push((error.params as { missingProperty: string }).missingProperty);
  const [reason, rule] = describe(error);
  return { reason, rule: `${fieldName(segments)} ${rule}`, path: formatJsonPath(segments) };
}

const sized = (unit: string, end: string) => (limit: unknown) =>
  ['invalid_length', `must have ${limit} ${unit} at ${end}`] as const;
const ranged = (words: (limit: unknown) => string) => (limit: unknown) =>
  ['out_of_range', `must be ${words(limit)}`] as const;

/** Keywords whose schema is the number or text that the rule states. */
const STATED: Readonly<Record<string, (schema: unknown) => readonly [ViolationReason, string]>> = {
  pattern: (pattern) => ['invalid_format', `must match ${pattern}`],
  minLength: sized('characters', 'least'),
  maxLength: sized('characters', 'most'),
  minItems: sized('elements', 'least'),
  maxItems: sized('elements', 'most'),
  minProperties: sized('fields', 'least'),
  maxProperties: sized('fields', 'most'),
  minimum: ranged((limit) => `${limit} or more`),
  maximum: ranged((limit) => `${limit} or less`),
  exclusiveMinimum: ranged((limit) => `more than ${limit}`),
  exclusiveMaximum: ranged((limit) => `less than ${limit}`),
  multipleOf: ranged((divisor) => `a multiple of ${divisor}`),
  format: (format) => FORMATS[format as string] ?? ['invalid_format', `must have the format ${format}`],
  enum: (values) => ['unknown_value', `must be one of ${listValues(values as unknown[])}`],
};

function describe({ keyword, schema, data }: ErrorObject): readonly [ViolationReason, string] {
  switch (keyword) {
    case 'required':
      return ['missing_required', 'is required'];
    case 'type': {
      if (data === null) return ['missing_required', 'is required and must not be null'];
      const wanted = [schema as string | string[]].flat().filter((type) => type !== 'null');
      return ['wrong_type', `must be ${wanted.map((type) => TYPES[type] ?? type).join(' or ')}`];
    }
    case 'uniqueItems':
      return ['duplicate_items', 'must not hold a value twice'];
    case 'int64':
    case 'int64Rounded':
      return ['out_of_range', 'must fit a 64-bit integer'];
    case 'decimal': {
      const { precision, scale } = schema as { precision: number; scale: number };
      return ['out_of_range', `must have ${precision - scale} digits before and ${scale} behind the point at most`];
    }
    case 'between':
      return ['out_of_range', boundsInWords(schema as Readonly<Record<string, string | undefined>>)];
    default:
      return STATED[keyword]?.(schema) ?? ['contract_violation', `breaks the contract's rule "${keyword}"`];
  }
}

function boundsInWords(bounds: Readonly<Record<string, string | undefined>>): string {
  const words = { minimum: 'not before', maximum: 'not after', exclusiveMinimum: 'after', exclusiveMaximum: 'before' };
  const stated = Object.entries(words).filter(([key]) => bounds[key] !== undefined);
  return `must be ${stated.map(([key, word]) => `${word} ${bounds[key]}`).join(' and ')}`;
}

function listValues(values: readonly unknown[]): string {
  const known = values.filter((value) => value !== null);
  const shown = known.slice(0, VALUES_SHOWN_MAX).join(', ');
  return known.length > VALUES_SHOWN_MAX ? `${shown} and ${known.length - VALUES_SHOWN_MAX} others` : shown;
}

/** Elements of a list share their rule, so indexes are left out of it. */
function fieldName(segments: readonly (string | number)[]): string {
  const names = segments.slice(1).filter((segment) => typeof segment === 'string');
  return names.length > 0 ? names.join('.') : 'payload';
}

/** Segments of a JSON pointer (RFC 6901); all digits is taken for an index. */
function pointerSegments(pointer: string): (string | number)[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
}
