import { type DocumentReader, join, kind } from './document-reader';
import { isDate, isDateTime, isTime, STRING_FORMATS, STRING_FORMATS_UNCHECKED } from './formats';
import type { Limits, LogicalType } from './model';
import { OPTION_KEYS } from './odcs-keys';
import { PATTERN_SUBJECT_CHARS_MAX } from './pattern-safety';
import { patternRefusal } from './patterns/compile-pattern';

/** Integer formats of the standard that fit a 64-bit column, with their bounds; i64 is the default. */
const INTEGER_FORMATS: Readonly<Record<string, readonly [number, number] | null>> = {
  i8: [-128, 127],
  i16: [-32768, 32767],
  i32: [-2147483648, 2147483647],
  i64: null,
  u8: [0, 255],
  u16: [0, 65535],
  u32: [0, 4294967295],
};

const TEMPORAL: Readonly<Record<string, { check: (text: string) => boolean; shape: string }>> = {
  date: { check: isDate, shape: 'a date, YYYY-MM-DD' },
  timestamp: { check: isDateTime, shape: 'an RFC 3339 timestamp with its offset' },
  time: { check: isTime, shape: 'a time, HH:MM:SS' },
};

const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'] as const;
const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

/**
 * Loads logicalTypeOptions. An option that could not be enforced exactly is refused rather than ignored: a contract never
 * promises more than its validator checks.
 */
export function loadLimits(
  reader: DocumentReader,
  value: unknown,
  type: LogicalType,
  path: string,
): { limits: Limits; requiredNames: readonly string[] } {
  if (value === undefined) return { limits: {}, requiredNames: [] };
  const options = reader.object(value, path);
  reader.keys(
    options,
    OPTION_KEYS[type],
    path,
    `the options of ${/^[aio]/.test(type) ? 'an' : 'a'} ${type} in ODCS 3.1`,
  );
  const limits: Record<string, unknown> = {};

  for (const key of COUNTS) {
    const count = options[key];
    if (count === undefined) continue;
    if (Number.isSafeInteger(count) && (count as number) >= 0) limits[key] = count;
    else reader.note(join(path, key), 'must be a whole number, 0 or more');
  }
  for (const key of BOUNDS) {
    const bound = options[key];
    if (bound === undefined) continue;
    const problem = boundProblem(bound, type);
    if (problem) reader.note(join(path, key), problem);
    else limits[key] = bound;
  }
  if (options.multipleOf !== undefined) {
    // Division of doubles says that 0.07 is no multiple of 0.01.
    if (Number.isSafeInteger(options.multipleOf) && (options.multipleOf as number) > 0)
      limits.multipleOf = options.multipleOf;
    else
      reader.note(
        join(path, 'multipleOf'),
        'must be a whole number above 0; for decimal places use physicalType decimal(p,s)',
      );
  }
  if (options.uniqueItems !== undefined) limits.uniqueItems = reader.boolean(options, 'uniqueItems', path);
  loadPattern(reader, options, limits, path);
  loadFormat(reader, options, limits, type, path);
  if (options.timezone === false)
    reader.note(join(path, 'timezone'), 'must not be false: a timestamp without its offset names no instant');
  if (options.defaultTimezone !== undefined)
    reader.note(join(path, 'defaultTimezone'), 'is not supported: each timestamp states its offset');

  const requiredNames = reader
    .list(options.required, join(path, 'required'))
    .filter((name): name is string => typeof name === 'string');
  return { limits: limits as Limits, requiredNames };
}

function boundProblem(bound: unknown, type: LogicalType): string | null {
  const temporal = TEMPORAL[type];
  if (temporal) return typeof bound === 'string' && temporal.check(bound) ? null : `must be ${temporal.shape}`;
  if (typeof bound !== 'number' || !Number.isFinite(bound)) return `must be a number, not ${kind(bound)}`;
  if (type === 'integer' && !Number.isSafeInteger(bound)) return 'must be a whole number between -(2^53-1) and 2^53-1';
  return null;
}

function loadPattern(
  reader: DocumentReader,
  options: Readonly<Record<string, unknown>>,
  limits: Record<string, unknown>,
  path: string,
): void {
  const pattern = reader.string(options, 'pattern', path);
  if (pattern === null) return;
  const problem = patternRefusal(pattern);
  if (problem) {
    reader.note(join(path, 'pattern'), problem);
    return;
  }
  const declared = typeof limits.maxLength === 'number' ? limits.maxLength : Infinity;
  limits.pattern = pattern;
  limits.maxLength = Math.min(declared, PATTERN_SUBJECT_CHARS_MAX);
}

function loadFormat(
  reader: DocumentReader,
  options: Readonly<Record<string, unknown>>,
  limits: Record<string, unknown>,
  type: LogicalType,
  path: string,
): void {
  const format = reader.string(options, 'format', path);
  if (format === null) return;
  const at = join(path, 'format');
  if (type === 'string') {
    if (format in STRING_FORMATS) limits.format = format;
    else if (!STRING_FORMATS_UNCHECKED.has(format)) {
      reader.note(at, `must be one of ${[...Object.keys(STRING_FORMATS), ...STRING_FORMATS_UNCHECKED].join(', ')}`);
    }
  } else if (type === 'integer') {
    const bounds = INTEGER_FORMATS[format];
    if (bounds === undefined)
      reader.note(at, `must be one of ${Object.keys(INTEGER_FORMATS).join(', ')}: columns hold 64 bits`);
    else {
      limits.format = format;
      if (bounds) {
        limits.minimum = Math.max(typeof limits.minimum === 'number' ? limits.minimum : -Infinity, bounds[0]);
        limits.maximum = Math.min(typeof limits.maximum === 'number' ? limits.maximum : Infinity, bounds[1]);
      }
    }
  } else if (type === 'number') {
    if (format !== 'f32' && format !== 'f64') reader.note(at, 'must be f32 or f64');
  } else if (type === 'date') {
    if (format !== 'yyyy-MM-dd') reader.note(at, 'must be yyyy-MM-dd');
  } else {
    reader.note(at, `is not supported: a ${type} is written as RFC 3339 writes it`);
  }
}
