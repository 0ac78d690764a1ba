import type { Contract, Property } from './model';

/** 2^63: a rounded 64-bit integer is inside when it is strictly between -2^63 and 2^63. */
export const INT64_END = 2 ** 63;

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON schema that ajv compiles for a payload. Fields that the contract does not know are allowed.
 *
 * `int64Ends` admits the rounded values ±2^63 themselves, for payloads whose digits were looked at separately.
 */
export function validatorSchema(contract: Pick<Contract, 'properties'>, { int64Ends = false } = {}): JsonSchema {
  return { type: 'object', ...fieldsOf(contract.properties, int64Ends) };
}

function fieldsOf(properties: readonly Property[], int64Ends: boolean): JsonSchema {
  return {
    required: properties.filter((property) => property.required || property.present).map((property) => property.name),
    properties: Object.fromEntries(properties.map((property) => [property.name, schemaOf(property, int64Ends)])),
  };
}

const NOT_NULL = ['string', 'number', 'boolean', 'object', 'array'];

function schemaOf(property: Property, int64Ends: boolean): JsonSchema {
  const { limits, logicalType: type, values } = property;
  const jsonType = type === 'date' || type === 'timestamp' || type === 'time' ? 'string' : type;
  if (property.anyValue) return property.required ? { type: NOT_NULL } : {};
  const schema: Record<string, unknown> = { type: property.required ? jsonType : [jsonType, 'null'] };
  if (values) schema.enum = property.required ? values : [...values, null];

  switch (type) {
    case 'object':
      if (property.properties.length > 0) Object.assign(schema, fieldsOf(property.properties, int64Ends));
      break;
    case 'array':
      if (property.items) schema.items = schemaOf(property.items, int64Ends);
      break;
    case 'integer':
      if (!values) schema[int64Ends ? 'int64Rounded' : 'int64'] = true;
      break;
    case 'number':
      if (property.decimal) schema.decimal = property.decimal;
      break;
    case 'date':
    case 'timestamp':
    case 'time': {
      schema.format = type === 'timestamp' ? 'date-time' : type;
      const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = limits;
      const bounds = { minimum, maximum, exclusiveMinimum, exclusiveMaximum };
      if (Object.values(bounds).some((bound) => bound !== undefined)) schema.between = { as: type, ...bounds };
      return schema;
    }
  }
  const { format, ...rest } = limits;
  if (type === 'string' && format !== undefined) schema.format = format;
  return { ...schema, ...rest };
}
