import { type DocumentReader, type Fields, join } from './document-reader';
import { loadLimits } from './load-limits';
import { loadAllowedValues } from './load-quality';
import type { LogicalType, Property } from './model';
import { PROPERTY_KEYS } from './odcs-keys';

const LOGICAL_TYPES: readonly LogicalType[] = [
  'string',
  'date',
  'timestamp',
  'time',
  'number',
  'integer',
  'object',
  'array',
  'boolean',
];

/** As deep as an accepted event may be nested. */
const DEPTH_MAX = 32;
/** Fields of one object. */
export const PROPERTIES_MAX = 1000;

/** Precision of a JSON number: every decimal of 15 digits survives as a double, not every one of 16 (IEEE 754). */
const DECIMAL_PRECISION_MAX = 15;

/** Loads `properties[]` of an object: names must differ by more than case, since SQL engines do not tell case apart. */
export function loadProperties(reader: DocumentReader, value: unknown, path: string, depth = 0): Property[] {
  const list = reader.list(value, path);
  if (depth > DEPTH_MAX) {
    reader.note(path, `is nested more than ${DEPTH_MAX} levels deep`);
    return [];
  }
  if (list.length > PROPERTIES_MAX) {
    reader.note(path, `lists ${list.length} fields; ${PROPERTIES_MAX} at most`);
    return [];
  }
  const seen = new Map<string, string>();
  return list.map((item, index) => {
    const at = `${path}[${index}]`;
    const property = loadProperty(reader, reader.object(item, at), at, depth);
    const twin = seen.get(property.name.toLowerCase());
    if (twin !== undefined) {
      reader.note(
        `${at}.name`,
        twin === property.name ? `"${twin}" is listed twice` : `differs from "${twin}" by case only`,
      );
    }
    seen.set(property.name.toLowerCase(), property.name);
    return property;
  });
}

function loadProperty(reader: DocumentReader, fields: Fields, path: string, depth: number, element = false): Property {
  reader.keys(fields, PROPERTY_KEYS, path, 'a property in ODCS 3.1');
  const name = element ? '' : reader.requiredString(fields, 'name', path);
  // Such a field would be found on every object, whether the producer sent it or not.
  if (!element && name in Object.prototype) reader.note(`${path}.name`, `"${name}" is a name that JavaScript reserves`);

  const logicalType = reader.oneOf(fields, 'logicalType', LOGICAL_TYPES, path);
  if (fields.logicalType === undefined)
    reader.note(join(path, 'logicalType'), `is required: ${LOGICAL_TYPES.join(', ')}`);
  const type = logicalType ?? 'string';

  const { limits, requiredNames } = loadLimits(
    reader,
    fields.logicalTypeOptions,
    type,
    join(path, 'logicalTypeOptions'),
  );
  if (type !== 'object' && fields.properties !== undefined)
    reader.note(join(path, 'properties'), 'belongs to objects only');
  if (type !== 'array' && fields.items !== undefined) reader.note(join(path, 'items'), 'belongs to arrays only');

  const children =
    type === 'object' ? loadProperties(reader, fields.properties, join(path, 'properties'), depth + 1) : [];
  for (const wanted of requiredNames) {
    if (!children.some((child) => child.name === wanted)) {
      reader.note(join(path, 'logicalTypeOptions.required'), `names "${wanted}", which is not among the properties`);
    }
  }

  return {
    name,
    physicalName: reader.string(fields, 'physicalName', path),
    logicalType: type,
    decimal: loadDecimal(reader, fields, type, path),
    required: reader.boolean(fields, 'required', path),
    classification: reader.string(fields, 'classification', path),
    doc: (reader.string(fields, 'description', path) ?? '').trim(),
    limits,
    ...ownOf(reader, fields, { type, path, element }),
    values: loadAllowedValues(reader, fields.quality, join(path, 'quality'), type),
    properties: children.map((child) => (requiredNames.includes(child.name) ? { ...child, required: true } : child)),
    items:
      type === 'array' && fields.items !== undefined
        ? loadItems(reader, fields.items, join(path, 'items'), depth)
        : null,
  };
}

/** Under a property's own customProperties; those of others are none of our business. */
function ownOf(
  reader: DocumentReader,
  fields: Fields,
  { type, path, element }: { readonly type: LogicalType; readonly path: string; readonly element: boolean },
): Pick<Property, 'anyValue' | 'present'> {
  const own: { anyValue?: true; present?: true } = {};
  for (const [index, item] of reader.list(fields.customProperties, join(path, 'customProperties')).entries()) {
    const at = `${join(path, 'customProperties')}[${index}]`;
    const { property, value } = reader.object(item, at);
    if (property !== 'anyValue' && property !== 'present') continue;
    if (value !== true) reader.note(join(at, 'value'), 'must be true');
    else if (property === 'present') {
      if (element) reader.note(at, 'belongs to fields: an element of a list is always there');
      else own.present = true;
    } else if (type !== 'string') reader.note(at, 'belongs to strings only');
    else if (fields.logicalTypeOptions !== undefined || fields.quality !== undefined)
      reader.note(at, 'goes with no options and no rules: they are about texts');
    else own.anyValue = true;
  }
  return own;
}

function loadItems(reader: DocumentReader, value: unknown, path: string, depth: number): Property | null {
  if (depth > DEPTH_MAX) {
    reader.note(path, `is nested more than ${DEPTH_MAX} levels deep`);
    return null;
  }
  return loadProperty(reader, reader.object(value, path), path, depth + 1, true);
}

/** physicalType is the author's own vocabulary, except that `decimal(p,s)` of a number asks for exact digits. */
function loadDecimal(reader: DocumentReader, fields: Fields, type: LogicalType, path: string): Property['decimal'] {
  const physicalType = reader.string(fields, 'physicalType', path);
  if (type !== 'number' || physicalType === null || !/^(decimal|numeric)\b/i.test(physicalType)) return null;
  const match = /^(?:decimal|numeric)\((\d+),\s*(\d+)\)$/i.exec(physicalType);
  const [precision, scale] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
  if (precision < 1 || precision > DECIMAL_PRECISION_MAX || scale > precision) {
    reader.note(
      join(path, 'physicalType'),
      `must be decimal(precision,scale) with 1 to ${DECIMAL_PRECISION_MAX} digits, which is what a JSON number holds exactly; send longer ones as strings`,
    );
    return null;
  }
  return { precision, scale };
}
