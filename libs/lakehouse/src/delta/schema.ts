import { createHash } from 'node:crypto';
import { SchemaMismatch } from '../errors';

/** A Delta type: a name such as `long` or `decimal(10,2)`, or a nested one (PROTOCOL.md, "Schema Serialization Format"). */
export type DeltaType = string | StructType | ArrayType | MapType;
export interface StructType {
  readonly type: 'struct';
  readonly fields: readonly Field[];
}
export interface ArrayType {
  readonly type: 'array';
  readonly elementType: DeltaType;
  readonly containsNull: boolean;
}
export interface MapType {
  readonly type: 'map';
  readonly keyType: DeltaType;
  readonly valueType: DeltaType;
  readonly valueContainsNull: boolean;
}
export interface Field {
  readonly name: string;
  readonly type: DeltaType;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a caller says of a column. */
export interface ColumnDefinition {
  readonly name: string;
  readonly type: DeltaType;
  /** Default true. */
  readonly nullable?: boolean;
  readonly doc?: string;
}

/** Types that a partition column may have: those whose text in the log is exact and the same for every reader. */
const PARTITION_TYPES = /^(string|byte|short|integer|long|boolean|date|timestamp|decimal\(\d+,\d+\))$/;

export const parseSchema = (schemaString: string): readonly Field[] => (JSON.parse(schemaString) as StructType).fields;
export const serializeSchema = (fields: readonly Field[]): string => JSON.stringify({ type: 'struct', fields });

/** Short name of a schema's names and types; files that carry it as a tag are known to have exactly these columns. */
export function schemaDigest(fields: readonly Field[], partitionBy: readonly string[]): string {
  const stored = fields.filter((f) => !partitionBy.includes(f.name)).map((f) => [f.name, shape(f.type)]);
  return createHash('sha256').update(JSON.stringify(stored)).digest('hex').slice(0, 16);
}

export function toFields(columns: readonly ColumnDefinition[], partitionBy: readonly string[]): Field[] {
  const fields = columns.map(({ name, type, nullable, doc }): Field => ({
    name,
    type: typeof type === 'string' ? type.replaceAll(' ', '') : type,
    nullable: nullable ?? true,
    metadata: doc ? { comment: doc } : {},
  }));
  if (fields.length === 0) throw new SchemaMismatch('a table needs a column');
  assertNames(fields);
  for (const name of partitionBy) {
    const field = fields.find((f) => f.name === name);
    if (!field) throw new SchemaMismatch(`partition column ${name} is not a column`);
    if (typeof field.type !== 'string' || !PARTITION_TYPES.test(field.type)) {
      throw new SchemaMismatch(`partition column ${name} cannot be of type ${typeName(field.type)}`);
    }
  }
  if (partitionBy.length >= fields.length)
    throw new SchemaMismatch('a table needs a column that is not a partition column');
  return fields;
}

/** Without column mapping Parquet and Spark allow no such characters, and names differ regardless of case. */
export function assertNames(fields: readonly Field[]): void {
  const seen = new Set<string>();
  for (const { name, type } of fields) {
    if (name === '' || /[ ,;{}()\n\t=]/.test(name))
      throw new SchemaMismatch(`column name ${JSON.stringify(name)} is not allowed`);
    if (seen.has(name.toLowerCase())) throw new SchemaMismatch(`two columns are named ${name}, regardless of case`);
    seen.add(name.toLowerCase());
    if (typeof type !== 'string' && type.type === 'struct') assertNames(type.fields);
  }
}

export const findField = (fields: readonly Field[], name: string): Field | undefined =>
  fields.find((f) => f.name.toLowerCase() === name.toLowerCase());

/** The table's columns and, after them, those of `source` that it lacks; recursive into structs. */
export function mergeFields(table: readonly Field[], source: readonly Field[]): { fields: Field[]; added: string[] } {
  const fields = [...table];
  const added: string[] = [];
  for (const incoming of source) {
    const at = fields.findIndex((f) => f.name.toLowerCase() === incoming.name.toLowerCase());
    if (at < 0) {
      fields.push({ ...incoming, nullable: true });
      added.push(incoming.name);
      continue;
    }
    const [mine, theirs] = [fields[at].type, incoming.type];
    if (typeof mine === 'string' || typeof theirs === 'string' || mine.type !== 'struct' || theirs.type !== 'struct')
      continue;
    const inner = mergeFields(mine.fields, theirs.fields);
    if (inner.added.length === 0) continue;
    fields[at] = { ...fields[at], type: { type: 'struct', fields: inner.fields } };
    added.push(...inner.added.map((name) => `${incoming.name}.${name}`));
  }
  return { fields, added };
}

/** Whether every value of type `from` has its like in type `to`. */
export function canStore(from: DeltaType, to: DeltaType): boolean {
  if (typeof from === 'string' && typeof to === 'string') return from === to || from === 'void' || widens(from, to);
  // The type of a bare NULL fits every column.
  if (from === 'void') return true;
  if (typeof from === 'string' || typeof to === 'string') return false;
  if (from.type === 'array' && to.type === 'array') return canStore(from.elementType, to.elementType);
  if (from.type === 'map' && to.type === 'map') {
    return canStore(from.keyType, to.keyType) && canStore(from.valueType, to.valueType);
  }
  if (from.type !== 'struct' || to.type !== 'struct') return false;
  const target = to.fields;
  return from.fields.every((f) => {
    const into = findField(target, f.name);
    return into !== undefined && canStore(f.type, into.type);
  });
}

const INTEGERS: Readonly<Record<string, number>> = { byte: 3, short: 5, integer: 10, long: 19 };
const decimalOf = (type: string): { whole: number; scale: number } | null => {
  const match = /^decimal\((\d+),(\d+)\)$/.exec(type);
  return match && { whole: Number(match[1]) - Number(match[2]), scale: Number(match[2]) };
};

function widens(from: string, to: string): boolean {
  const digits = INTEGERS[from];
  if (digits !== undefined && INTEGERS[to] !== undefined) return digits <= INTEGERS[to];
  // Zone-less and UTC are one to DuckDB here, whose sessions are in UTC.
  if (from === 'timestamp' && to === 'timestamp_ntz') return true;
  if (to === 'double') return from === 'float' || (digits !== undefined && digits <= 10);
  const into = decimalOf(to);
  if (!into) return false;
  if (digits !== undefined) return into.whole >= digits;
  const out = decimalOf(from);
  return out !== null && into.whole >= out.whole && into.scale >= out.scale;
}

/** Names and types alone, without nullability and metadata. */
export function shape(type: DeltaType): unknown {
  if (typeof type === 'string') return type;
  if (type.type === 'struct') return { struct: type.fields.map((f) => [f.name, shape(f.type)]) };
  if (type.type === 'array') return { array: shape(type.elementType) };
  return { map: [shape(type.keyType), shape(type.valueType)] };
}

export const typeName = (type: DeltaType): string => (typeof type === 'string' ? type : JSON.stringify(shape(type)));
