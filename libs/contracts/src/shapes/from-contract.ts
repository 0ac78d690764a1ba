import { INT64_END } from '../validator-schema';
import type { Contract, Property } from '../model';
import {
  type Alternative,
  ANY_SHAPE,
  ANYTHING,
  type FieldShape,
  NOTHING,
  type Numbers,
  NUMBERS_ALL,
  type Shape,
  type Step,
  type Strings,
  STRINGS_ALL,
} from './shape';
import { nextDouble } from './steps';

/** The payloads that a contract lets through; the validator's own rules, see validator-schema.ts. */
export function contractShape(contract: Pick<Contract, 'properties'>): Shape {
  return { alternatives: [{ ...NOTHING, objects: objectsOf(contract.properties, {}) }] };
}

function objectsOf(properties: readonly Property[], limits: Property['limits']): NonNullable<Alternative['objects']> {
  const fields = new Map(
    properties.map((property): [string, FieldShape] => {
      const shape = propertyShape(property);
      return [property.name, { shape: () => shape, required: property.required || property.present === true }];
    }),
  );
  return { min: limits.minProperties ?? 0, max: limits.maxProperties ?? Infinity, fields, matching: [], others: 'any' };
}

function propertyShape(property: Property): Shape {
  if (property.anyValue) return property.required ? { alternatives: [{ ...ANYTHING, nulls: false }] } : ANY_SHAPE;
  const alternative: Alternative = {
    ...NOTHING,
    ...typed(property),
    nulls: !property.required,
    values: property.values && (property.required ? property.values : [...property.values, null]),
  };
  return { alternatives: [alternative] };
}

function typed(property: Property): Partial<Alternative> {
  const { limits, logicalType: type } = property;
  switch (type) {
    case 'boolean':
      return { booleans: [true, false] };
    case 'integer':
    case 'number':
      return { numbers: numbersOf(property) };
    case 'string':
      return {
        strings: {
          min: limits.minLength ?? 0,
          max: limits.maxLength ?? Infinity,
          patterns: limits.pattern === undefined ? [] : [limits.pattern],
          formats: limits.format === undefined ? [] : [limits.format],
          between: [],
        },
      };
    case 'date':
    case 'time':
    case 'timestamp':
      return { strings: temporal(type, limits) };
    case 'array': {
      const items = property.items && propertyShape(property.items);
      return {
        arrays: {
          min: limits.minItems ?? 0,
          max: limits.maxItems ?? Infinity,
          unique: limits.uniqueItems ?? false,
          prefix: [],
          items: items && (() => items),
        },
      };
    }
    case 'object':
      return { objects: objectsOf(property.properties, limits) };
  }
}

function temporal(as: 'date' | 'time' | 'timestamp', limits: Property['limits']): Strings {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = limits as Readonly<
    Record<string, string | undefined>
  >;
  const stated = Object.fromEntries(
    Object.entries({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }).filter(([, bound]) => bound !== undefined),
  );
  return {
    ...STRINGS_ALL,
    formats: [as === 'timestamp' ? 'date-time' : as],
    between: Object.keys(stated).length > 0 ? [{ as, ...stated }] : [],
  };
}

function numbersOf({ logicalType, limits, decimal }: Property): Numbers {
  const steps: Step[] = [];
  let { least, most } = NUMBERS_ALL;
  if (logicalType === 'integer') {
    steps.push({ of: 1 });
    [least, most] = [nextDouble(-INT64_END, true), nextDouble(INT64_END, false)];
  }
  if (decimal) {
    steps.push({ places: decimal.scale });
    const end = nextDouble(10 ** (decimal.precision - decimal.scale), false);
    [least, most] = [-end, end];
  }
  if (limits.multipleOf !== undefined) steps.push({ of: limits.multipleOf });
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = limits as Readonly<
    Record<string, number | undefined>
  >;
  if (minimum !== undefined) least = Math.max(least, minimum);
  if (maximum !== undefined) most = Math.min(most, maximum);
  if (exclusiveMinimum !== undefined) least = Math.max(least, nextDouble(exclusiveMinimum, true));
  if (exclusiveMaximum !== undefined) most = Math.min(most, nextDouble(exclusiveMaximum, false));
  return { least, most, steps };
}
