import type { ContractColumn } from '../columns';
import { type DocumentReader, type Fields, join } from '../document-reader';
import { patternRefusal, re2Of } from '../patterns/compile-pattern';
import type { BatchRule, Measure, Operator, QualityRules, RowRule, Severity } from './model';
import { freshness, usual } from './load-day-rules';
import { loadThreshold } from './load-threshold';
import { columnsNamed, constantProblem, scalars } from './load-values';
import { columnAt, facts, kindOf, severityOf, unitOf } from './rule-parts';

const RULES_MAX = 200;
const OPERATORS: readonly Operator[] = ['=', '<>', '<', '<=', '>', '>='];
const COMPARABLE = new Set(['string', 'date', 'timestamp', 'number', 'integer', 'boolean']);

export interface RuleSources {
  /** The raw schema object, for its `quality` and that of its properties. */
  readonly schema: Fields;
  readonly schemaPath: string;
  /** Value of the custom property `rules`. */
  readonly rules: { readonly value: unknown; readonly path: string } | undefined;
  readonly columns: readonly ContractColumn[];
}

/**
 * Reads the quality rules of a contract: the standard's library metrics under `quality` of a property or of the schema,
 * and under the custom property `rules` what it has no key for:
 *
 * - `{id, left: $.payload.eta, is: '>=', right: $.payload.planned_pickup, severity?}`, or `value` in place of `right`
 * - `{id, freshness: 2h, severity?}`: the newest row may be as old
 * - `{id, usual: volume, severity?, within?: 3, among?: days}`, or `usual: $.payload.miles` for its mean: by as many standard
 *   deviations it may differ from the 28 days before, or, `among: weekdays`, from the same weekday of eight weeks
 * - `{id, key: $.payload.facility_id, in: {dimension: facilities}, severity?, mustBe…?}`, or `{table: clean.x, column: y}`
 *
 * A comparison with severity `error` refuses the event; with `warning` it is a rule about the rows of a day. A rule that
 * the validator enforces already (`invalidValues`, `mustBe: 0`, `error`) is not counted once more.
 */
export function loadRules(reader: DocumentReader, { schema, schemaPath, rules, columns }: RuleSources): QualityRules {
  const found: { rows: RowRule[]; batches: BatchRule[] } = { rows: [], batches: [] };
  libraryRules(reader, schema.quality, join(schemaPath, 'quality'), null, columns, found.batches);
  propertyRules(reader, schema.properties, join(schemaPath, 'properties'), [], columns, found.batches);
  if (rules) {
    for (const [index, item] of reader.list(rules.value, rules.path).entries()) {
      const at = `${rules.path}[${index}]`;
      const fields = reader.object(item, at);
      if ('freshness' in fields) freshness(reader, fields, at, found.batches);
      else if ('usual' in fields) usual(reader, fields, at, columns, found.batches);
      else if ('key' in fields) foreignKey(reader, fields, at, columns, found.batches);
      else comparison(reader, fields, at, columns, found);
    }
  }
  const all = [...found.rows, ...found.batches];
  if (all.length > RULES_MAX) reader.note('quality', `has ${all.length} rules; ${RULES_MAX} at most`);
  const twice = all.find(({ id }, i) => all.findIndex((other) => other.id === id) < i);
  if (twice) reader.note('quality', `has two rules "${twice.id}": give each an id of its own`);
  return found;
}

function propertyRules(
  reader: DocumentReader,
  value: unknown,
  path: string,
  within: readonly string[],
  columns: readonly ContractColumn[],
  found: BatchRule[],
): void {
  if (!Array.isArray(value)) return;
  for (const [index, item] of value.entries()) {
    const at = `${path}[${index}]`;
    if (item === null || typeof item !== 'object') continue;
    const fields = item as Fields;
    const segments = [...within, String(fields.name)];
    const column = columns.find((candidate) => candidate.path.join('\0') === segments.join('\0')) ?? null;
    // A field without a column, because it is restricted or an object, has no values to be counted.
    if (fields.quality !== undefined && column)
      libraryRules(reader, fields.quality, join(at, 'quality'), column, columns, found);
    propertyRules(reader, fields.properties, join(at, 'properties'), segments, columns, found);
  }
}

function libraryRules(
  reader: DocumentReader,
  value: unknown,
  path: string,
  column: ContractColumn | null,
  columns: readonly ContractColumn[],
  found: BatchRule[],
): void {
  if (!Array.isArray(value)) return;
  for (const [index, item] of value.entries()) {
    if (item === null || typeof item !== 'object') continue;
    const rule = item as Fields;
    if ((rule.type ?? 'library') !== 'library' || typeof rule.metric !== 'string') continue;
    const at = `${path}[${index}]`;
    // The standard leaves open what severities there are.
    const severity: Severity = rule.severity === undefined || rule.severity === 'error' ? 'error' : 'warning';
    const args = rule.arguments === undefined ? {} : reader.object(rule.arguments, join(at, 'arguments'));
    const isEnforced = rule.metric === 'invalidValues' && rule.mustBe === 0 && severity === 'error' && args.validValues;
    if (isEnforced) continue;
    const threshold = loadThreshold(reader, rule, at);
    // A rule without a threshold is prose: it says what is watched, not what is right.
    if (!threshold) continue;
    const measure = measureOf(reader, rule, args, at, column, columns);
    if (!measure) continue;
    const id = typeof rule.id === 'string' ? rule.id : freeId(`${column?.name ?? 'table'}_${rule.metric}`, found);
    found.push({ ...facts(reader, rule, id, at), severity, measure, threshold, unit: unitOf(reader, rule, at) });
  }
}

/** Of several rules without an id the first has the plain one. */
function freeId(id: string, found: readonly BatchRule[]): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? id : `${id}_${n}`;
    if (!found.some((rule) => rule.id === candidate)) return candidate;
  }
}

function measureOf(
  reader: DocumentReader,
  rule: Fields,
  args: Fields,
  at: string,
  column: ContractColumn | null,
  all: readonly ContractColumn[],
): Measure | null {
  const metric = rule.metric as string;
  if (metric === 'rowCount') return { metric };
  if (metric === 'duplicateValues') {
    const listed = join(at, 'arguments.properties');
    if (args.properties === undefined && column) return { metric, columns: [column.name] };
    const columns = columnsNamed(reader, args.properties ?? [], listed, all);
    if (columns.length > 0) return { metric, columns };
    reader.note(listed, 'must list the properties whose values are to be unique together');
    return null;
  }
  if (!column) {
    reader.note(join(at, 'metric'), `${metric} belongs to a property that has a column`);
    return null;
  }
  if (metric === 'nullValues') return { metric, column: column.name };
  if (metric === 'missingValues')
    return {
      metric,
      column: column.name,
      values: scalars(reader, args.missingValues ?? [], join(at, 'arguments.missingValues'), 0),
    };
  if (metric !== 'invalidValues') return null;
  if (typeof args.pattern === 'string') {
    const problem = patternRefusal(args.pattern, re2Of);
    if (problem !== null) reader.note(join(at, 'arguments.pattern'), problem);
    return problem === null ? { metric: 'invalidPattern', column: column.name, pattern: re2Of(args.pattern) } : null;
  }
  if (args.validValues === undefined) {
    reader.note(join(at, 'arguments'), 'must have validValues or a pattern');
    return null;
  }
  const values = scalars(reader, args.validValues, join(at, 'arguments.validValues'), 1);
  return { metric, column: column.name, values: values.filter((value) => value !== null) };
}

function comparison(
  reader: DocumentReader,
  fields: Fields,
  at: string,
  columns: readonly ContractColumn[],
  found: { rows: RowRule[]; batches: BatchRule[] },
): void {
  reader.keys(
    fields,
    new Set(['id', 'left', 'is', 'right', 'value', 'severity', 'dimension', 'description']),
    at,
    'a comparison',
  );
  const id = reader.requiredString(fields, 'id', at);
  const severity = severityOf(reader, fields, at);
  const op = reader.oneOf(fields, 'is', OPERATORS, at);
  if (op === null) reader.note(join(at, 'is'), `is required: ${OPERATORS.join(', ')}`);
  const left = columnAt(reader, fields, 'left', at, columns);
  if ('right' in fields === 'value' in fields) reader.note(at, 'must have either "right", a path, or "value"');
  const right = 'right' in fields ? columnAt(reader, fields, 'right', at, columns) : null;
  if (!left || op === null || ('right' in fields && !right)) return;
  const kind = kindOf(left.property);
  if (!COMPARABLE.has(left.property.logicalType) || (right && kindOf(right.property) !== kind)) {
    reader.note(at, 'compares fields of different kinds: both must be texts, dates, times, numbers or booleans');
    return;
  }
  const { value } = fields;
  const problem = right ? null : constantProblem(kind, value);
  if (problem !== null) {
    reader.note(join(at, 'value'), problem);
    return;
  }
  const constant = value as string | number | boolean;
  const common = { ...facts(reader, fields, id, at), severity };
  if (severity === 'error') {
    const to = right ? { path: right.path } : { value: constant };
    found.rows.push({ ...common, left: left.path, op, right: to, as: kind === 'timestamp' ? 'instant' : 'value' });
    return;
  }
  const to = right ? { column: right.name } : { value: constant };
  found.batches.push({
    ...{ ...common, unit: 'rows', threshold: { op: '=', value: 0 } },
    measure: { metric: 'comparison', comparison: { left: left.name, op, right: to } },
  });
}

function foreignKey(
  reader: DocumentReader,
  fields: Fields,
  at: string,
  columns: readonly ContractColumn[],
  found: BatchRule[],
): void {
  const own = new Set([
    'id',
    'key',
    'in',
    'severity',
    'dimension',
    'description',
    'unit',
    ...Object.keys(fields).filter((key) => key.startsWith('must')),
  ]);
  reader.keys(fields, own, at, 'a foreign key');
  const id = reader.requiredString(fields, 'id', at);
  const column = columnAt(reader, fields, 'key', at, columns);
  const to = reader.object(fields.in, join(at, 'in'));
  reader.keys(to, new Set(['dimension', 'table', 'column']), join(at, 'in'), 'what a foreign key refers to');
  const named = (key: string, form: RegExp): string | null => {
    const text = reader.string(to, key, join(at, 'in'));
    if (text !== null && form.test(text)) return text;
    reader.note(join(at, `in.${key}`), 'is required: a name as the dimension, table or column has it');
    return null;
  };
  const dimension = 'dimension' in to ? named('dimension', /^[a-z][a-z0-9_]{0,62}$/) : null;
  const table = 'dimension' in to ? null : named('table', /^clean\.[a-z][a-z0-9_]{0,99}$/);
  const target = 'dimension' in to ? null : named('column', /^[A-Za-z][A-Za-z0-9_]{0,127}$/);
  if (!column || (dimension === null && (table === null || target === null))) return;
  const references = dimension !== null ? { dimension } : { table: table as string, column: target as string };
  found.push({
    ...facts(reader, fields, id, at),
    severity: severityOf(reader, fields, at),
    measure: { metric: 'foreignKey', column: column.name, references },
    threshold: loadThreshold(reader, fields, at) ?? { op: '=', value: 0 },
    unit: unitOf(reader, fields, at),
  });
}
