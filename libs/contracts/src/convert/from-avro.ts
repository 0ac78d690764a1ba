import { parseAvroSchema } from '../avro/parse';
import { avroName, type AvroField, type AvroRecord, type AvroSchema } from '../avro/schema';
import { RESERVED_COLUMNS } from '../columns';
import { ContractError } from '../contract-error';
import { columnName } from '../inference/names';
import { formatJsonPath } from '../property-path';
import { allowedValues, contractDocument, type ImportOptions, isRaw, type Loss, type Raw } from './loss';
import { AVRO_ODCS } from './to-avro';

const ELEMENTS_MAX = 5000;
const DECIMAL_PRECISION_MAX = 15;

/**
 * A contract's document of an Avro record; loadContract has the last word on it.
 *
 * @throws ContractError for a text that is no Avro schema, one that is no record, or one that contains itself
 */
export function contractFromAvro(
  text: string,
  options: ImportOptions,
): { readonly document: Raw; readonly losses: readonly Loss[] } {
  const schema = parseAvroSchema(text);
  if (schema.kind !== 'record')
    throw new ContractError([{ path: '$', rule: `is a ${schema.kind}; the payload of an event is a record` }]);
  const reading = new Reading();
  const properties = reading.fields(schema, [], '');
  return {
    document: contractDocument(properties, options, schema.doc, schema.extra[AVRO_ODCS]),
    losses: reading.losses,
  };
}

class Reading {
  readonly losses: Loss[] = [];
  private readonly open = new Set<AvroSchema>();
  private readonly taken = new Set<string>(RESERVED_COLUMNS);
  private elements = 0;

  fields(record: AvroRecord, path: readonly string[], prefix: string): readonly Raw[] {
    if (this.open.has(record))
      throw new ContractError([
        { path: formatJsonPath(path), rule: `contains itself, as ${record.fullName}: a contract lists all its fields` },
      ]);
    this.open.add(record);
    const list = record.fields.map((field) => this.field(field, path, prefix));
    this.open.delete(record);
    return list;
  }

  private field(field: AvroField, within: readonly string[], prefix: string): Raw {
    const odcs = isRaw(field.extra[AVRO_ODCS]) ? field.extra[AVRO_ODCS] : null;
    const name = typeof odcs?.name === 'string' ? odcs.name : field.name;
    const path = [...within, name];
    if (++this.elements > ELEMENTS_MAX)
      throw new ContractError([{ path: formatJsonPath(path), rule: `is beyond ${ELEMENTS_MAX} fields` }]);
    const { element, nullable } = this.element(field.type, path, prefix + name);
    const known = odcs && isSame(element, odcs) ? odcs : null;
    const nested = isRaw(element) && element.properties !== undefined;
    const column = nested
      ? name
      : typeof odcs?.physicalName === 'string'
        ? odcs.physicalName
        : columnName(prefix + name, this.taken);
    return {
      name,
      ...(nested || column === prefix + name ? {} : { physicalName: column }),
      ...element,
      ...known,
      ...(nullable ? {} : { required: true }),
      ...(field.doc === '' ? {} : { description: field.doc }),
    };
  }

  private element(type: AvroSchema, path: readonly string[], prefix: string): { element: Raw; nullable: boolean } {
    if (type.kind !== 'union') return { element: this.typed(type, path, prefix), nullable: type.kind === 'null' };
    const branches = type.branches.filter(({ kind }) => kind !== 'null');
    const nullable = branches.length < type.branches.length;
    if (branches.length === 1) return { element: this.typed(branches[0], path, prefix), nullable };
    this.lose(
      path,
      `the union of ${branches.map(avroName).join(', ')}`,
      'a field of a contract has one type: any value is taken',
    );
    return { element: ANY_VALUE, nullable };
  }

  private typed(type: AvroSchema, path: readonly string[], prefix: string): Raw {
    switch (type.kind) {
      case 'null':
        this.lose(path, 'null', 'a contract has no field that is always null: any value is taken');
        return ANY_VALUE;
      case 'boolean':
        return { logicalType: 'boolean' };
      case 'int':
        return type.logicalType === 'date' ? { logicalType: 'date' } : this.whole(type.logicalType, 'i32');
      case 'long':
        return this.whole(type.logicalType, null);
      case 'float':
        return { logicalType: 'number', logicalTypeOptions: { format: 'f32' } };
      case 'double':
        return { logicalType: 'number' };
      case 'string':
        return {
          logicalType: 'string',
          ...(type.logicalType === 'uuid' ? { logicalTypeOptions: { format: 'uuid' } } : {}),
        };
      case 'bytes':
      case 'fixed':
        return this.bytes(type, path);
      case 'enum':
        return { logicalType: 'string', quality: [allowedValues(type.symbols)] };
      case 'map':
        this.lose(
          path,
          `the type of the values, ${avroName(type.values)}`,
          'fields of an object that a contract does not list are free',
        );
        return { logicalType: 'object' };
      case 'array': {
        const { element, nullable } = this.element(type.items, [...path, '*'], `${prefix}_`);
        return { logicalType: 'array', items: { ...element, ...(nullable ? {} : { required: true }) } };
      }
      case 'record':
        return { logicalType: 'object', properties: this.fields(type, path, `${prefix}_`) };
      default:
        return ANY_VALUE;
    }
  }

  private whole(logicalType: string | undefined, format: 'i32' | null): Raw {
    if (logicalType?.startsWith('timestamp-') || logicalType?.startsWith('local-timestamp-'))
      return { logicalType: 'timestamp' };
    if (logicalType?.startsWith('time-')) return { logicalType: 'time' };
    return { logicalType: 'integer', ...(format ? { logicalTypeOptions: { format } } : {}) };
  }

  private bytes(type: { logicalType?: string; precision?: number; scale?: number }, path: readonly string[]): Raw {
    const { precision = 0, scale = 0 } = type;
    if (type.logicalType === 'decimal' && precision > 0) {
      if (precision <= DECIMAL_PRECISION_MAX)
        return { logicalType: 'number', physicalType: `decimal(${precision},${scale})` };
      this.lose(
        path,
        `decimal(${precision},${scale})`,
        `a JSON number holds ${DECIMAL_PRECISION_MAX} digits: it is a text`,
      );
      return { logicalType: 'string' };
    }
    this.lose(path, 'bytes', 'JSON has no bytes: they are a text');
    return { logicalType: 'string', logicalTypeOptions: { format: 'binary' } };
  }

  private lose(path: readonly string[], what: string, why: string): void {
    this.losses.push({ path: formatJsonPath(path), what, why });
  }
}

const ANY_VALUE: Raw = { logicalType: 'string', customProperties: [{ property: 'anyValue', value: true }] };

/** What a contract said of this field before still holds: its type was not changed since. */
function isSame(element: Raw, odcs: Raw): boolean {
  const before = odcs.logicalType;
  if (element.logicalType === before) {
    const decimals = [element, odcs].map(({ physicalType }) =>
      /^(?:decimal|numeric)\((\d+),\s*(\d+)\)$/i.exec(String(physicalType))?.slice(1).join(),
    );
    return before !== 'number' || decimals[0] === decimals[1];
  }
  // Lists and objects of anything are JSON text in Avro.
  return element.logicalType === 'string' && (before === 'object' || before === 'array');
}
