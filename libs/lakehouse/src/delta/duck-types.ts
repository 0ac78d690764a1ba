import { quoteIdentifier } from '../duckdb';
import { SchemaMismatch, UnsupportedTable } from '../errors';
import { type DeltaType, type Field, typeName } from './schema';

const TO_DUCK: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ntz: 'TIMESTAMP',
  void: 'INTEGER',
};

/**
 * Delta's type of a DuckDB column. Unsigned types widen; HUGEINT becomes DECIMAL(38,0), for Parquet has no such type
 * and DuckDB would silently write doubles; UUID, JSON and ENUM are text. TIMESTAMP, zone-less, is taken as UTC.
 */
const FROM_DUCK: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(TO_DUCK).map(([delta, duck]) => [duck, delta])),
  INTEGER: 'integer',
  '"NULL"': 'void',
  UTINYINT: 'short',
  USMALLINT: 'integer',
  UINTEGER: 'long',
  UBIGINT: 'decimal(20,0)',
  HUGEINT: 'decimal(38,0)',
  UUID: 'string',
  JSON: 'string',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
};

/** The DuckDB type that holds a Delta column. Throws `UnsupportedTable` for types without one. */
export function toDuckType(type: DeltaType): string {
  if (typeof type === 'string') {
    if (/^decimal\(\d+,\d+\)$/.test(type)) return type.toUpperCase();
    const duck = TO_DUCK[type];
    if (duck) return duck;
  } else if (type.type === 'array') {
    return `${toDuckType(type.elementType)}[]`;
  } else if (type.type === 'map') {
    return `MAP(${toDuckType(type.keyType)}, ${toDuckType(type.valueType)})`;
  } else if (type.type === 'struct') {
    return `STRUCT(${type.fields.map((f) => `${quoteIdentifier(f.name)} ${toDuckType(f.type)}`).join(', ')})`;
  }
  throw new UnsupportedTable(`type ${typeName(type)}`);
}

/** The Delta type of a column that DESCRIBE named. Throws `SchemaMismatch` for types without one. */
export function fromDuckType(duck: string): DeltaType {
  const element = /^(.*)\[\d*\]$/s.exec(duck);
  if (element) return { type: 'array', elementType: fromDuckType(element[1]), containsNull: true };
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(duck);
  if (decimal) return `decimal(${decimal[1]},${decimal[2]})`;
  const nested = /^(STRUCT|MAP|ENUM)\((.*)\)$/s.exec(duck);
  if (nested?.[1] === 'ENUM') return 'string';
  if (nested?.[1] === 'STRUCT') {
    const fields = splitTopLevel(nested[2]).map((part) => {
      const [name, type] = splitName(part);
      return field(name, fromDuckType(type));
    });
    return { type: 'struct', fields };
  }
  if (nested?.[1] === 'MAP') {
    const [key, value] = splitTopLevel(nested[2]).map(fromDuckType);
    return { type: 'map', keyType: key, valueType: value, valueContainsNull: true };
  }
  const type = FROM_DUCK[duck];
  if (type) return type;
  throw new SchemaMismatch(`type ${duck} has no equivalent in Delta: cast it first`);
}

export const field = (name: string, type: DeltaType): Field => ({ name, type, nullable: true, metadata: {} });

/** Splits at the commas that are in no brackets and no quotes. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quote) {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

/** `"a ""b""" INTEGER` as name and type. */
function splitName(part: string): [string, string] {
  const quoted = /^"((?:[^"]|"")*)" (.*)$/s.exec(part);
  if (quoted) return [quoted[1].replaceAll('""', '"'), quoted[2]];
  const space = part.indexOf(' ');
  return [part.slice(0, space), part.slice(space + 1)];
}
