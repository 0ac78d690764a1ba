import type { Contract, Property } from '../model';
import { findProperty, formatJsonPath } from '../property-path';
import type { Operator, RowRule } from '../quality/model';
import { contractShape } from '../shapes/from-contract';
import { samples, witness } from '../shapes/samples';
import type { Example, RawDifference } from './raw-difference';

type Ruled = Pick<Contract, 'properties'> & { readonly quality?: { readonly rows: readonly RowRule[] } };

/** What follows from `left op right`, for the same two sides. */
const IMPLIES: Readonly<Record<Operator, readonly Operator[]>> = {
  '=': ['=', '<=', '>='],
  '<>': ['<>'],
  '<': ['<', '<=', '<>'],
  '<=': ['<='],
  '>': ['>', '>=', '<>'],
  '>=': ['>='],
};
const MIRRORED: Readonly<Record<Operator, Operator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/**
 * Rules between the fields of one event that a reader has and a writer does not keep already. Such a rule refuses events,
 * so adding or tightening one narrows what is accepted; rules that only warn are none of these.
 */
export function compareRowRules(reader: Ruled, writer: Ruled): readonly RawDifference[] {
  const kept = writer.quality?.rows ?? [];
  return (reader.quality?.rows ?? [])
    .filter((rule) => canSend(writer, rule) && !kept.some((other) => implies(other, rule)))
    .map((rule) => {
      const left = rule.left.join('.');
      const right = 'value' in rule.right ? JSON.stringify(rule.right.value) : rule.right.path.join('.');
      const said = `${left} is not ${rule.op} ${right}`;
      return {
        ...{ segments: rule.left, rule: 'keyword' as const },
        writer: `may send events in which ${said}`,
        reader: `sets them aside (rule ${rule.id})`,
        mendReader: `Give the rule ${rule.id} the severity warning, so that it is counted and refuses nothing.`,
        mendWriter: `Keep the rule ${rule.id}, as strict as it is, or set the reader's version free of it first.`,
        examples: () => examplesOf(writer, rule),
      };
    });
}

/** A rule holds where a side is missing: whoever does not list both fields breaks none. */
function canSend({ properties }: Ruled, { left, right }: RowRule): boolean {
  const sides = 'path' in right ? [left, right.path] : [left];
  return sides.every((path) => findProperty(properties, path) !== null);
}

function implies(known: RowRule, wanted: RowRule): boolean {
  if (known.as !== wanted.as) return false;
  const same = (a: readonly string[], b: readonly string[]): boolean => formatJsonPath(a) === formatJsonPath(b);
  if ('path' in known.right && 'path' in wanted.right) {
    if (same(known.left, wanted.left) && same(known.right.path, wanted.right.path))
      return IMPLIES[known.op].includes(wanted.op);
    const turned = same(known.left, wanted.right.path) && same(known.right.path, wanted.left);
    return turned && IMPLIES[MIRRORED[known.op]].includes(wanted.op);
  }
  if (!('value' in known.right) || !('value' in wanted.right) || !same(known.left, wanted.left)) return false;
  const read = (value: unknown): unknown => (known.as === 'instant' ? Date.parse(String(value)) : value);
  return bounds(known.op, read(known.right.value), wanted.op, read(wanted.right.value));
}

/** Whether `x op a` makes `x wanted b` certain. */
function bounds(op: Operator, a: unknown, wanted: Operator, b: unknown): boolean {
  if (a === b) return IMPLIES[op].includes(wanted);
  if (typeof a !== typeof b || typeof a === 'boolean') return false;
  const isLess = (a as number) < (b as number);
  if (op === '=') return holds(a as number, wanted, b as number);
  if (op === '<' || op === '<=') return isLess && ['<', '<=', '<>'].includes(wanted);
  if (op === '>' || op === '>=') return !isLess && ['>', '>=', '<>'].includes(wanted);
  return false;
}

function holds(a: number, op: Operator, b: number): boolean {
  if (op === '=') return a === b;
  if (op === '<>') return a !== b;
  if (op === '<') return a < b;
  if (op === '<=') return a <= b;
  return op === '>' ? a > b : a >= b;
}

/** Events of the writer with values on either side that may break the rule. */
function* examplesOf(writer: Ruled, { left, right }: RowRule): Generator<Example> {
  const constant = 'value' in right ? right.value : undefined;
  const base = witness(contractShape(writer))?.value;
  for (const a of valuesOf(findProperty(writer.properties, left), constant)) {
    const one = withValue(base, writer.properties, left, a);
    if ('value' in right) yield { value: one };
    else
      for (const b of valuesOf(findProperty(writer.properties, right.path), undefined))
        yield { value: withValue(one, writer.properties, right.path, b) };
  }
}

const ORDINARY: Readonly<Partial<Record<Property['logicalType'], readonly unknown[]>>> = {
  timestamp: ['2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-03T00:00:00Z'],
  date: ['2026-01-02', '2026-01-01', '2026-01-03'],
  boolean: [true, false],
  number: [1, 0, 2],
  integer: [1, 0, 2],
  string: ['b', 'a', 'c'],
};
const SAMPLES_MAX = 4;

/** Around a constant first; a few ordinary ones, and what the field's own limits suggest. */
function valuesOf(property: Property | null, constant: string | number | boolean | undefined): unknown[] {
  if (!property) return [];
  const values: unknown[] = [];
  if (typeof constant === 'number') values.push(constant, constant - 1, constant + 1);
  else if (typeof constant === 'boolean') values.push(constant, !constant);
  else if (constant !== undefined) values.push(constant);
  if (typeof constant === 'string' && property.logicalType === 'timestamp')
    for (const day of [-1, 1]) values.push(new Date(Date.parse(constant) + day * 86_400_000).toISOString());
  values.push(...(property.values ?? []).slice(0, SAMPLES_MAX), ...(ORDINARY[property.logicalType] ?? []));
  const { minimum, maximum } = property.limits;
  for (const limit of [minimum, maximum]) if (limit !== undefined) values.push(limit);
  let taken = 0;
  for (const sample of samples(contractShape({ properties: [{ ...property, required: true }] }))) {
    values.push((sample as Record<string, unknown>)[property.name]);
    if (++taken >= SAMPLES_MAX) break;
  }
  return [...new Set(values)].slice(0, 2 * SAMPLES_MAX);
}

/** The event with one value in its place; objects on the way there have what they must. */
function withValue(event: unknown, properties: readonly Property[], path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  const object = isObject(event) ? event : {};
  if (rest.length === 0) return { ...object, [name]: value };
  const within = properties.find((property) => property.name === name)?.properties ?? [];
  const inner = isObject(object[name]) ? object[name] : witness(contractShape({ properties: within }))?.value;
  return { ...object, [name]: withValue(inner, within, rest, value) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
