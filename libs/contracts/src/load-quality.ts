import { type DocumentReader, join } from './document-reader';
import type { LogicalType, Property } from './model';
import { QUALITY_KEYS, QUALITY_METRICS, QUALITY_TYPES } from './odcs-keys';

const VALUES_MAX = 1000;

/** What a value of the type looks like in YAML; other types have no list of values. */
const SCALARS: Partial<Record<LogicalType, string>> = {
  string: 'string',
  date: 'string',
  timestamp: 'string',
  time: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
};

/**
 * Checks quality rules and returns the one that can refuse an event by itself: `invalidValues` with `validValues`, `mustBe: 0`
 * and a severity of error (the default). All other rules speak about many rows: they are checked for form and belong to
 * the quality reports, not to the validator.
 */
export function loadAllowedValues(
  reader: DocumentReader,
  value: unknown,
  path: string,
  type: LogicalType,
): Property['values'] {
  let allowed: Property['values'] = null;
  reader.list(value, path).forEach((item, index) => {
    const at = `${path}[${index}]`;
    const rule = reader.object(item, at);
    reader.keys(rule, QUALITY_KEYS, at, 'a quality rule in ODCS 3.1');
    const ruleType = reader.oneOf(rule, 'type', QUALITY_TYPES, at) ?? 'library';
    if (ruleType !== 'library') return;
    const metric = reader.oneOf(rule, 'metric', QUALITY_METRICS, at);
    if (rule.metric === undefined) reader.note(join(at, 'metric'), `is required: ${QUALITY_METRICS.join(', ')}`);
    if (metric !== 'invalidValues' || rule.mustBe !== 0 || (rule.severity ?? 'error') !== 'error') return;
    const args = rule.arguments === undefined ? {} : reader.object(rule.arguments, join(at, 'arguments'));
    if (args.validValues === undefined) return;
    const values = loadValues(reader, args.validValues, join(at, 'arguments.validValues'), type);
    const before: Property['values'] = allowed;
    allowed = before === null ? values : values.filter((v) => (before as readonly unknown[]).includes(v));
  });
  return allowed;
}

function loadValues(
  reader: DocumentReader,
  value: unknown,
  path: string,
  type: LogicalType,
): NonNullable<Property['values']> {
  const scalar = SCALARS[type];
  if (!scalar) {
    reader.note(path, `cannot be given for a ${type}`);
    return [];
  }
  const values = reader.list(value, path);
  if (values.length === 0 || values.length > VALUES_MAX) reader.note(path, `must list 1 to ${VALUES_MAX} values`);
  values.forEach((v, index) => {
    // YAML reads an unquoted 007 or true as something else than the text an author means.
    if (typeof v !== scalar)
      reader.note(`${path}[${index}]`, `must be a ${scalar}${scalar === 'string' ? ': put it in quotes' : ''}`);
  });
  if (new Set(values).size !== values.length) reader.note(path, 'lists a value twice');
  return values as NonNullable<Property['values']>;
}
