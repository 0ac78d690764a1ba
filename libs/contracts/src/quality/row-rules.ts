import { formatJsonPath } from '../property-path';
import type { Violation } from '../violation';
import type { Operator, RowRule } from './model';

/** @returns the first rule that an event breaks, or null */
export type RowRuleCheck = (payload: unknown) => Violation | null;

/**
 * Compiles the rules between fields of one event; null where there are none. A rule holds where a side is missing or
 * null: whether a field must be there is another rule's matter.
 */
export function createRowRules(rules: readonly RowRule[]): RowRuleCheck | null {
  if (rules.length === 0) return null;
  const checks = rules.map(compile);
  return (payload) => {
    for (const check of checks) {
      const violation = check(payload);
      if (violation) return violation;
    }
    return null;
  };
}

function compile({ id, left, op, right, as }: RowRule): RowRuleCheck {
  const holds = HOLDS[op];
  const read = as === 'instant' ? (value: unknown): unknown => Date.parse(String(value)) : (value: unknown) => value;
  const constant = 'value' in right ? read(right.value) : null;
  const other = 'value' in right ? JSON.stringify(right.value) : formatJsonPath(['payload', ...right.path]);
  const violation: Violation = {
    reason: 'contradiction',
    rule: `${left.join('.')} must be ${op} ${other} (${id})`,
    path: formatJsonPath(['payload', ...left]),
  };
  return (payload) => {
    const a = valueAt(payload, left);
    const b = 'value' in right ? constant : valueAt(payload, right.path);
    if (a === undefined || a === null || b === undefined || b === null) return null;
    return holds(read(a) as number, ('value' in right ? b : read(b)) as number) ? null : violation;
  };
}

const HOLDS: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function valueAt(payload: unknown, path: readonly string[]): unknown {
  let at = payload;
  for (const name of path) {
    if (at === null || typeof at !== 'object') return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
