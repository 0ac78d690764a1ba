import { kindOfProperty, misfits } from '../inference/kinds';
import { treeOf, type FieldTree } from '../inference/infer-properties';
import type { Property } from '../model';
import { type FieldHistory, presentOf, type ProfileHistory, valuesOf } from '../profile/history';
import { formatJsonPath } from '../property-path';

/** How what was seen of a field differs from what the contract says. */
export interface DriftFinding {
  /** From the event. */
  readonly path: string;
  readonly kind: 'new' | 'missing' | 'type' | 'range';
  /** In words; without values, but for the least and the greatest number and length seen. */
  readonly rule: string;
  /** Events it was seen in; null where only the extremes are known. */
  readonly events: number | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

/**
 * What drifted, by path: fields that the contract does not list, required fields that are missing and listed ones that
 * never came, values of other types, numbers and lengths out of bounds. What is classified `restricted` has no bounds
 * shown.
 */
export function compareProfile(properties: readonly Property[], history: ProfileHistory): DriftFinding[] {
  const root = treeOf(history.fields);
  if (!root) return [];
  const findings: DriftFinding[] = [];
  const { firstSeen, lastSeen } = history;
  const rootField = { ...(root.field as FieldHistory), firstSeen, lastSeen };
  const strangers = valuesOf(rootField) - (rootField.objects ?? 0) + (rootField.nulls ?? 0);
  if (strangers > 0) findings.push(finding(rootField, 'type', 'must be an object', strangers));
  compareFields(properties, root, ['payload'], { firstSeen, lastSeen }, findings);
  return findings.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

type Times = Pick<FieldHistory, 'firstSeen' | 'lastSeen'>;

function compareFields(
  properties: readonly Property[],
  node: FieldTree,
  path: readonly string[],
  times: Times,
  findings: DriftFinding[],
): void {
  const objects = node.field.objects ?? 0;
  if (objects === 0) return;
  for (const property of properties) {
    const below = node.below.get(property.name);
    const here = [...path, property.name];
    // Of an object with too many fields nothing is known of each.
    if (!below && node.field.wide) continue;
    const field = below?.field as FieldHistory | undefined;
    const absent = objects - (field ? presentOf(field) : 0);
    const missing = absent + (field?.nulls ?? 0);
    const at = { ...(field ?? times), path: formatJsonPath(here) };
    if (property.required && missing > 0) findings.push(finding(at, 'missing', 'is required', missing));
    else if (property.present && absent > 0)
      findings.push(finding(at, 'missing', 'must be there, if only as null', absent));
    else if (!field) findings.push(finding(at, 'missing', 'has not been seen', objects));
    if (!below || !field) continue;
    const kind = kindOfProperty(property);
    const wrong = misfits(field, kind);
    if (wrong > 0) findings.push(finding(field, 'type', `must be ${WORDS[kind]}`, wrong));
    for (const rule of outOfBounds(property, field)) findings.push(finding(field, 'range', rule, null));
    if (kind === 'object') compareFields(property.properties, below, here, field, findings);
  }
  const known = new Set(properties.map(({ name }) => name));
  for (const [name, below] of node.below)
    if (!known.has(name)) {
      const field = below.field as FieldHistory;
      findings.push(finding(field, 'new', 'is not in the contract', presentOf(field)));
    }
}

const finding = (
  { path, firstSeen, lastSeen }: Pick<FieldHistory, 'path' | 'firstSeen' | 'lastSeen'>,
  kind: DriftFinding['kind'],
  rule: string,
  events: number | null,
): DriftFinding => ({ path, kind, rule, events, firstSeen, lastSeen });

function* outOfBounds({ limits, classification }: Property, { min, max, longest }: FieldHistory): Generator<string> {
  const seen = (value: number): string =>
    classification?.trim().toLowerCase() === 'restricted' ? '' : `; ${value} was seen`;
  const number = (bound: unknown): bound is number => typeof bound === 'number';
  if (min !== undefined && number(limits.minimum) && min < limits.minimum)
    yield `must be ${limits.minimum} or more${seen(min)}`;
  if (min !== undefined && number(limits.exclusiveMinimum) && min <= limits.exclusiveMinimum)
    yield `must be more than ${limits.exclusiveMinimum}${seen(min)}`;
  if (max !== undefined && number(limits.maximum) && max > limits.maximum)
    yield `must be ${limits.maximum} or less${seen(max)}`;
  if (max !== undefined && number(limits.exclusiveMaximum) && max >= limits.exclusiveMaximum)
    yield `must be less than ${limits.exclusiveMaximum}${seen(max)}`;
  // A character has two code units at most: so many more of them are too many, whatever they are.
  if (longest !== undefined && limits.maxLength !== undefined && longest > 2 * limits.maxLength)
    yield `must have ${limits.maxLength} characters at most`;
  if (longest !== undefined && limits.maxItems !== undefined && longest > limits.maxItems)
    yield `must have ${limits.maxItems} elements at most; ${longest} were seen`;
}

const WORDS = {
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  string: 'a string',
  date: 'a date',
  timestamp: 'a timestamp',
  array: 'a list',
  object: 'an object',
  free_object: 'an object',
  any: 'a value',
} as const;
