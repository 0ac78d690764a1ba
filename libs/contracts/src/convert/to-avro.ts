import type { Contract, Property } from '../model';
import { formatJsonPath } from '../property-path';
import { childElements, documentWithoutFields, elementsOf, type Loss, type Raw, without } from './loss';

/** Where Avro keeps what it has no word for: an attribute of a field, which Avro tells readers to pass by. */
export const AVRO_ODCS = 'odcs';
const SAID = ['name', 'required', 'description', 'properties'];
const INT_FORMATS = new Set(['i8', 'i16', 'i32', 'u8', 'u16']);

/**
 * A contract as an Avro record of its payload. A field that is not required is a union with null. Rules that Avro has no
 * word for stand under the attribute `odcs`, by which {@link contractFromAvro} restores the contract; all of them are
 * listed as losses, since Avro checks types and nothing else.
 */
export function contractToAvro(contract: Contract): { readonly schema: Raw; readonly losses: readonly Loss[] } {
  const writing = new Writing();
  const record = writing.record(contract.name, contract.properties, elementsOf(contract.document), []);
  const doc = contract.doc === '' ? {} : { doc: contract.doc };
  return {
    schema: { ...record, ...doc, [AVRO_ODCS]: documentWithoutFields(contract.document) },
    losses: writing.losses,
  };
}

class Writing {
  readonly losses: Loss[] = [];
  private readonly taken = new Set<string>();

  record(wanted: string, properties: readonly Property[], elements: readonly Raw[], path: readonly string[]): Raw {
    const fieldNames = new Set<string>();
    return {
      type: 'record',
      name: unique(avroSafe(wanted), this.taken),
      fields: properties.map((property, i) => this.field(property, elements[i], [...path, property.name], fieldNames)),
    };
  }

  private field(property: Property, element: Raw, path: readonly string[], names: Set<string>): Raw {
    const name = unique(avroSafe(property.name), names);
    if (name !== property.name)
      this.lose(path, `the name ${property.name}`, `Avro's names are letters, digits and _: it is ${name} there`);
    const type = this.typeOf(property, element, path);
    return {
      name,
      type: property.required ? type : ['null', type],
      ...(property.required ? {} : { default: null }),
      ...(property.doc === '' ? {} : { doc: property.doc }),
      [AVRO_ODCS]: { ...without(element, SAID), ...(name === property.name ? {} : { name: property.name }) },
    };
  }

  private typeOf(property: Property, element: Raw, path: readonly string[]): unknown {
    const { logicalType: type, limits, decimal, values } = property;
    for (const [key, value] of Object.entries(limits))
      if (key !== 'format' || type === 'string') this.lose(path, `${key} ${String(value)}`, 'Avro checks types only');
    if (values)
      this.lose(
        path,
        'the list of values',
        'an enum of Avro could not take a new value without a new schema of its readers',
      );
    switch (type) {
      case 'boolean':
        return 'boolean';
      case 'integer':
        return INT_FORMATS.has(limits.format ?? '') ? 'int' : 'long';
      case 'number':
        return decimal ? { type: 'bytes', logicalType: 'decimal', ...decimal } : 'double';
      case 'date':
        return { type: 'int', logicalType: 'date' };
      case 'timestamp':
        this.lose(path, 'the offset, and digits beyond microseconds', 'Avro has an instant in microseconds');
        return { type: 'long', logicalType: 'timestamp-micros' };
      case 'time':
        this.lose(path, 'digits beyond microseconds', 'Avro has a time in microseconds');
        return { type: 'long', logicalType: 'time-micros' };
      case 'array':
        if (!property.items) return this.asText(path, 'a list of anything');
        return { type: 'array', items: this.items(property.items, element.items as Raw, [...path, '*']) };
      case 'object':
        if (property.properties.length === 0) return this.asText(path, 'an object of any fields');
        return this.record(path.join('_'), property.properties, childElements(element), path);
      default:
        if (property.anyValue) return this.asText(path, 'a value of any type');
        return limits.format === 'uuid' ? { type: 'string', logicalType: 'uuid' } : 'string';
    }
  }

  private items(items: Property, element: Raw, path: readonly string[]): unknown {
    const type = this.typeOf(items, element, path);
    return items.required ? type : ['null', type];
  }

  private asText(path: readonly string[], what: string): string {
    this.lose(path, what, 'Avro has types for what is known only: it is JSON text there');
    return 'string';
  }

  private lose(path: readonly string[], what: string, why: string): void {
    this.losses.push({ path: formatJsonPath(path), what, why });
  }
}

const avroSafe = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?![A-Za-z_])/, '_');

function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let n = 2; taken.has(candidate); n++) candidate = `${name}_${n}`;
  taken.add(candidate);
  return candidate;
}
