import { ContractError } from '../contract-error';
import { DocumentReader, type Fields, kind as kindOf } from '../document-reader';
import { defaultProblem } from './defaults';
import { AVRO_PRIMITIVES, type AvroField, avroName, type AvroPrimitive, type AvroSchema, isNamed } from './schema';

/** Longer texts are refused before they are parsed. */
export const SCHEMA_BYTES_MAX = 1024 * 1024;
export const SCHEMA_DEPTH_MAX = 64;
const FIELDS_MAX = 1000;
const NODES_MAX = 20_000;
const SYMBOLS_MAX = 10_000;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FULL_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const PRIMITIVES: ReadonlySet<string> = new Set(AVRO_PRIMITIVES);

const RECORD_KEYS = new Set(['type', 'name', 'namespace', 'doc', 'aliases', 'fields']);
const FIELD_KEYS = new Set(['name', 'type', 'doc', 'default', 'aliases', 'order']);

/**
 * Reads the text of an Avro schema (`.avsc`). Names must be defined before they are used and defined once; types that
 * contain themselves are allowed, as Avro allows them.
 *
 * @throws ContractError with every problem and its place, e.g. `$.fields[2].type`
 */
export function parseAvroSchema(text: string): AvroSchema {
  const reader = new DocumentReader();
  const schema = parseText(reader, text);
  if (!schema || reader.problems.length > 0) throw new ContractError(reader.problems);
  return schema;
}

function parseText(reader: DocumentReader, text: string): AvroSchema | null {
  if (Buffer.byteLength(text) > SCHEMA_BYTES_MAX) {
    reader.note('', `must have ${SCHEMA_BYTES_MAX} bytes at most`);
    return null;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    reader.note('', `is not JSON: ${(error as Error).message}`);
    return null;
  }
  return new AvroParser(reader).read(json, '$', '', 0);
}

const NULL: AvroPrimitive = { kind: 'null' };

class AvroParser {
  private readonly named = new Map<string, AvroSchema>();
  private nodes = 0;

  constructor(private readonly reader: DocumentReader) {}

  read(json: unknown, path: string, namespace: string, depth: number): AvroSchema {
    this.nodes++;
    if (depth > SCHEMA_DEPTH_MAX) return this.refuse(path, `is nested more than ${SCHEMA_DEPTH_MAX} levels deep`);
    if (this.nodes === NODES_MAX + 1) this.reader.note(path, `is beyond ${NODES_MAX} types in one schema`);
    if (this.nodes > NODES_MAX) return NULL;
    if (typeof json === 'string') return this.reference(json, path, namespace);
    if (Array.isArray(json)) return this.union(json, path, namespace, depth);
    if (typeof json !== 'object' || json === null) return this.refuse(path, `must be a type, not ${kindOf(json)}`);
    const fields = json as Fields;
    const { type } = fields;
    if (typeof type === 'object' && type !== null) return this.read(type, `${path}.type`, namespace, depth + 1);
    if (typeof type !== 'string') return this.refuse(`${path}.type`, 'is required: the name of a type');
    switch (type) {
      case 'record':
      case 'error':
        return this.record(fields, path, namespace, depth);
      case 'enum':
        return this.enum(fields, path, namespace);
      case 'fixed':
        return this.fixed(fields, path, namespace);
      case 'array':
        if (fields.items === undefined) return this.refuse(`${path}.items`, 'is required: the type of the elements');
        return { kind: 'array', items: this.read(fields.items, `${path}.items`, namespace, depth + 1) };
      case 'map':
        if (fields.values === undefined) return this.refuse(`${path}.values`, 'is required: the type of the values');
        return { kind: 'map', values: this.read(fields.values, `${path}.values`, namespace, depth + 1) };
      default:
        if (PRIMITIVES.has(type)) return { kind: type as AvroPrimitive['kind'], ...logicalOf(fields) };
        return this.reference(type, `${path}.type`, namespace);
    }
  }

  private refuse(path: string, rule: string): AvroSchema {
    this.reader.note(path, rule);
    return NULL;
  }

  private reference(name: string, path: string, namespace: string): AvroSchema {
    if (PRIMITIVES.has(name)) return { kind: name as AvroPrimitive['kind'] };
    const found = this.named.get(qualified(name, namespace)) ?? this.named.get(name);
    return found ?? this.refuse(path, `"${name}" is no type of Avro and no name that is defined before this place`);
  }

  private union(list: readonly unknown[], path: string, namespace: string, depth: number): AvroSchema {
    const seen = new Set<string>();
    const branches = list.map((item, index) => {
      const at = `${path}[${index}]`;
      if (Array.isArray(item)) return this.refuse(at, 'a union must not hold a union');
      const branch = this.read(item, at, namespace, depth + 1);
      if (seen.has(avroName(branch))) this.reader.note(at, `the union has ${avroName(branch)} already`);
      seen.add(avroName(branch));
      return branch;
    });
    return { kind: 'union', branches };
  }

  private record(fields: Fields, path: string, namespace: string, depth: number): AvroSchema {
    const name = this.name(fields, path, namespace);
    const list: AvroField[] = [];
    const record: AvroSchema = { kind: 'record', ...name, fields: list, extra: extraOf(fields, RECORD_KEYS) };
    this.define(record, path);
    const inner = name.fullName.slice(0, Math.max(0, name.fullName.lastIndexOf('.')));
    if (!Array.isArray(fields.fields)) return this.refuse(`${path}.fields`, 'is required: a list of fields');
    if (fields.fields.length > FIELDS_MAX)
      return this.refuse(`${path}.fields`, `lists ${fields.fields.length} fields; ${FIELDS_MAX} at most`);
    const seen = new Set<string>();
    fields.fields.forEach((item: unknown, index) => {
      const at = `${path}.fields[${index}]`;
      const field = this.reader.object(item, at);
      const fieldName = this.reader.requiredString(field, 'name', at);
      if (fieldName !== '' && !NAME.test(fieldName))
        this.reader.note(`${at}.name`, `"${fieldName}" must be letters, digits and _, beginning with no digit`);
      if (seen.has(fieldName)) this.reader.note(`${at}.name`, `"${fieldName}" is listed twice`);
      seen.add(fieldName);
      if (field.type === undefined) this.reader.note(`${at}.type`, 'is required');
      const type = field.type === undefined ? NULL : this.read(field.type, `${at}.type`, inner, depth + 1);
      const parsed: AvroField = {
        name: fieldName,
        type,
        aliases: this.strings(field.aliases, `${at}.aliases`),
        doc: typeof field.doc === 'string' ? field.doc : '',
        extra: extraOf(field, FIELD_KEYS),
        ...('default' in field ? { defaultValue: { json: field.default } } : {}),
      };
      list.push(parsed);
    });
    // Only now are records that contain themselves complete.
    list.forEach(({ type, defaultValue }, index) => {
      const problem = defaultValue ? defaultProblem(type, defaultValue.json) : null;
      if (problem) this.reader.note(`${path}.fields[${index}].default`, problem);
    });
    return record;
  }

  private enum(fields: Fields, path: string, namespace: string): AvroSchema {
    const name = this.name(fields, path, namespace);
    if (!Array.isArray(fields.symbols)) return this.refuse(`${path}.symbols`, 'is required: a list of symbols');
    const symbols = this.strings(fields.symbols, `${path}.symbols`);
    if (symbols.length > SYMBOLS_MAX) return this.refuse(`${path}.symbols`, `must list ${SYMBOLS_MAX} at most`);
    symbols.forEach((symbol, index) => {
      if (!NAME.test(symbol))
        this.reader.note(
          `${path}.symbols[${index}]`,
          `"${symbol}" must be letters, digits and _, beginning with no digit`,
        );
    });
    if (new Set(symbols).size !== symbols.length) this.reader.note(`${path}.symbols`, 'lists a symbol twice');
    const defaultSymbol = this.reader.string(fields, 'default', path);
    if (defaultSymbol !== null && !symbols.includes(defaultSymbol))
      this.reader.note(`${path}.default`, `"${defaultSymbol}" is not among the symbols`);
    return this.define({ kind: 'enum', ...name, symbols, defaultSymbol }, path);
  }

  private fixed(fields: Fields, path: string, namespace: string): AvroSchema {
    const name = this.name(fields, path, namespace);
    const { size } = fields;
    if (!Number.isSafeInteger(size) || (size as number) < 0)
      return this.refuse(`${path}.size`, 'is required: a whole number of bytes, 0 or more');
    return this.define({ kind: 'fixed', ...name, size: size as number, ...logicalOf(fields) }, path);
  }

  private name(
    fields: Fields,
    path: string,
    namespace: string,
  ): { fullName: string; aliases: readonly string[]; doc: string } {
    const given = this.reader.requiredString(fields, 'name', path);
    const space = typeof fields.namespace === 'string' ? fields.namespace : namespace;
    const fullName = qualified(given, space);
    if (given !== '' && !FULL_NAME.test(fullName))
      this.reader.note(`${path}.name`, `"${fullName}" must be letters, digits and _, parts joined by dots`);
    if (PRIMITIVES.has(fullName)) this.reader.note(`${path}.name`, `"${fullName}" is the name of a primitive type`);
    const inner = fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
    const aliases = this.strings(fields.aliases, `${path}.aliases`).map((alias) => qualified(alias, inner));
    return { fullName, aliases, doc: typeof fields.doc === 'string' ? fields.doc : '' };
  }

  private define(schema: AvroSchema, path: string): AvroSchema {
    if (!isNamed(schema)) return schema;
    if (this.named.has(schema.fullName)) this.reader.note(`${path}.name`, `"${schema.fullName}" is defined twice`);
    this.named.set(schema.fullName, schema);
    return schema;
  }

  private strings(value: unknown, path: string): readonly string[] {
    if (value === null) return [];
    return this.reader.list(value, path).filter((item, index): item is string => {
      if (typeof item !== 'string') this.reader.note(`${path}[${index}]`, `must be a string, not ${kindOf(item)}`);
      return typeof item === 'string';
    });
  }
}

const qualified = (name: string, namespace: string): string =>
  name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;

function logicalOf(fields: Fields): Pick<AvroPrimitive, 'logicalType' | 'precision' | 'scale'> {
  if (typeof fields.logicalType !== 'string') return {};
  return {
    logicalType: fields.logicalType,
    ...(typeof fields.precision === 'number' ? { precision: fields.precision } : {}),
    ...(typeof fields.scale === 'number' ? { scale: fields.scale } : {}),
  };
}

const extraOf = (fields: Fields, known: ReadonlySet<string>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => !known.has(key)));
