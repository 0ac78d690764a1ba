import type { Contract, Property } from '../model';
import { formatJsonPath } from '../property-path';
import { STRING_FORMATS } from '../formats';
import { leftOver, TIME_PATTERN } from './left-over';
import { documentWithoutFields, elementsOf, childElements, type Loss, ODCS_KEY, type Raw } from './loss';

const INT64 = { minimum: -(2 ** 63), exclusiveMaximum: 2 ** 63 };

/**
 * A contract as a JSON Schema (draft 2020-12) of its payload. What JSON Schema has no word for stands under `x-odcs`, by
 * which {@link contractFromJsonSchema} restores the contract; of that, the rules that other validators will not enforce
 * are listed as losses.
 */
export function contractToJsonSchema(contract: Contract): { readonly schema: Raw; readonly losses: readonly Loss[] } {
  const losses: Loss[] = [];
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: contract.name,
    ...(contract.doc === '' ? {} : { description: contract.doc }),
    type: 'object',
    ...fieldsOf(contract.properties, elementsOf(contract.document), [], losses),
    [ODCS_KEY]: documentWithoutFields(contract.document),
  };
  return { schema, losses };
}

function fieldsOf(
  properties: readonly Property[],
  elements: readonly Raw[],
  path: readonly string[],
  losses: Loss[],
): Raw {
  const required = properties.filter((property) => property.required || property.present).map(({ name }) => name);
  return {
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(
      properties.map((property, i) => [
        property.name,
        schemaOf(property, elements[i], [...path, property.name], losses),
      ]),
    ),
  };
}

function schemaOf(property: Property, element: Raw, path: readonly string[], losses: Loss[]): Raw {
  const { values, required, doc } = property;
  const typed = property.anyValue ? anything(required) : typedSchema(property, element, path, losses);
  return {
    ...typed,
    ...(values ? { enum: required ? values : [...values, null] } : {}),
    ...(doc === '' ? {} : { description: doc }),
    ...(Array.isArray(element.examples) ? { examples: element.examples } : {}),
    [ODCS_KEY]: leftOver(element, property),
  };
}

const NOT_NULL = ['string', 'number', 'boolean', 'object', 'array'];
const anything = (required: boolean): Raw => (required ? { type: NOT_NULL } : {});

function typedSchema(property: Property, element: Raw, path: readonly string[], losses: Loss[]): Raw {
  const { logicalType: type, limits, required } = property;
  const jsonType = type === 'date' || type === 'timestamp' || type === 'time' ? 'string' : type;
  const base = { type: required ? jsonType : [jsonType, 'null'] };
  switch (type) {
    case 'date':
    case 'timestamp':
    case 'time':
      for (const [key, bound] of Object.entries(limits))
        losses.push({
          path: formatJsonPath(path),
          what: `${key} ${String(bound)}`,
          why: `JSON Schema has no bounds for a ${type}`,
        });
      // A `time` of JSON Schema has an offset, which a contract's time has not.
      return type === 'time'
        ? { ...base, pattern: TIME_PATTERN }
        : { ...base, format: type === 'date' ? 'date' : 'date-time' };
    case 'object':
      return {
        ...base,
        ...limits,
        ...(property.properties.length > 0 ? fieldsOf(property.properties, childElements(element), path, losses) : {}),
      };
    case 'array':
      return {
        ...base,
        ...limits,
        ...(property.items ? { items: schemaOf(property.items, element.items as Raw, [...path, '*'], losses) } : {}),
      };
    case 'integer': {
      const { format: _, ...bounds } = limits;
      const low = bounds.minimum ?? bounds.exclusiveMinimum;
      const high = bounds.maximum ?? bounds.exclusiveMaximum;
      return {
        ...base,
        ...(low === undefined ? { minimum: INT64.minimum } : {}),
        ...(high === undefined ? { exclusiveMaximum: INT64.exclusiveMaximum } : {}),
        ...bounds,
      };
    }
    case 'number': {
      const { format: _, ...bounds } = limits;
      return { ...base, ...decimalSchema(property, path, losses), ...bounds };
    }
    default: {
      const { format, ...rest } = limits;
      return { ...base, ...rest, ...(format !== undefined && format in STRING_FORMATS ? { format } : {}) };
    }
  }
}

/** Decimal places are multiples; how many digits stand before the point are bounds, where the field has no narrower ones. */
function decimalSchema({ decimal, limits }: Property, path: readonly string[], losses: Loss[]): Raw {
  if (!decimal) return {};
  const end = 10 ** (decimal.precision - decimal.scale);
  if (limits.multipleOf !== undefined)
    losses.push({
      path: formatJsonPath(path),
      what: `decimal(${decimal.precision},${decimal.scale})`,
      why: 'JSON Schema has one multipleOf for a number, which says more here',
    });
  return {
    multipleOf: Number(`1e-${decimal.scale}`),
    ...(limits.minimum === undefined && limits.exclusiveMinimum === undefined ? { exclusiveMinimum: -end } : {}),
    ...(limits.maximum === undefined && limits.exclusiveMaximum === undefined ? { exclusiveMaximum: end } : {}),
  };
}
