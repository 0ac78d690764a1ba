import type { ErrorObject, ValidateFunction } from 'ajv';
import type { Contract } from './model';
import { classifies } from './privacy';
import { findProperty } from './property-path';
import { compileSchema } from './validator';

/** Keywords by which a value does not fit its column; what breaks others could be stored, and is wrong all the same. */
const CLASHES: ReadonlySet<string> = new Set(['type', 'int64', 'decimal']);
const TIME_FORMATS: ReadonlySet<unknown> = new Set(['date', 'date-time']);

/**
 * Whether nothing is wrong with a payload but values that do not fit the type of their column, none of them required or
 * holding what is classified as personal. Slow, and asked only of payloads that have been refused.
 */
export function createClashCheck(contract: Pick<Contract, 'properties'>): (payload: unknown) => boolean {
  let validate: ValidateFunction | null = null;
  const nothingRequired = contract.properties.every(({ required }) => !required);
  const recoverable = ({ keyword, instancePath, schema, parentSchema }: ErrorObject): boolean => {
    if (keyword === 'format' ? !TIME_FORMATS.has(schema) : !CLASHES.has(keyword)) return false;
    if (instancePath === '') return nothingRequired;
    const type: unknown = parentSchema?.['type'];
    if (!Array.isArray(type) || !type.includes('null')) return false;
    const path = instancePath.slice(1).split('/');
    const segments = path.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const property = findProperty(contract.properties, segments);
    return property === null || !classifies(property);
  };
  return (payload) => {
    validate ??= compileSchema(contract, false, true);
    return validate(payload) || (validate.errors ?? []).every(recoverable);
  };
}
