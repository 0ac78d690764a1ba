import { type DuckConnection, quoteIdentifier } from '../duckdb';
import { SchemaMismatch } from '../errors';
import { fromDuckType, toDuckType } from './duck-types';
import { assertNames, canStore, type Field, findField, mergeFields, shape, typeName } from './schema';

/** Columns of a query, as Delta would hold them. */
export async function describe(duck: DuckConnection, sql: string): Promise<SourceColumn[]> {
  const rows = await duck.query(`DESCRIBE ${sql}`);
  return rows.map((row) => ({
    name: String(row.column_name),
    duckType: String(row.column_type),
    type: fromDuckType(String(row.column_type)),
    nullable: true,
    metadata: {},
  }));
}

export interface SourceColumn extends Field {
  readonly duckType: string;
}

/**
 * The table's columns once `source` is written to it. Throws `SchemaMismatch` when a column is new and `mergeSchema`
 * is not asked for, or when a value could not be stored whole.
 */
export function planColumns(
  table: readonly Field[],
  source: readonly Field[],
  mergeSchema: boolean,
): { readonly fields: readonly Field[]; readonly changed: boolean } {
  const merged = mergeFields(
    table,
    source.filter((f) => f.type !== 'void' || findField(table, f.name)),
  );
  if (merged.added.length > 0 && !mergeSchema) {
    throw new SchemaMismatch(`the table has no column ${merged.added.join(', ')}`);
  }
  if (merged.added.length > 0) assertNames(merged.fields);
  for (const column of source) {
    const into = findField(merged.fields, column.name);
    if (into && !canStore(column.type, into.type)) {
      throw new SchemaMismatch(`column ${column.name}: ${typeName(column.type)} does not fit ${typeName(into.type)}`);
    }
  }
  return { fields: merged.fields, changed: merged.added.length > 0 };
}

/** A query that yields exactly `fields`, cast, missing ones as typed nulls, of `sql` with columns `source`. */
export function selectColumns(
  fields: readonly Field[],
  source: readonly SourceColumn[],
  sql: string,
  partitionColumns: readonly string[],
): string {
  const list = fields.map((field) => {
    const name = quoteIdentifier(field.name);
    const duck = toDuckType(field.type);
    const column = source.find((c) => c.name.toLowerCase() === field.name.toLowerCase());
    if (!column) return `NULL::${duck} AS ${name}`;
    const cast = castOf(field, column, duck);
    // The empty text is no partition value: it stands for null.
    return `${partitionColumns.includes(field.name) && field.type === 'string' ? `nullif(${cast}, '')` : cast} AS ${name}`;
  });
  return `SELECT ${list.join(', ')} FROM (${sql})`;
}

function castOf(field: Field, column: SourceColumn, duck: string): string {
  const name = quoteIdentifier(column.name);
  const isText = field.type === 'string' && column.duckType !== 'VARCHAR';
  if (!isText && column.duckType === duck) return name;
  // DuckDB casts structs by position where names differ in case or number; by name is what is meant.
  if (typeof field.type !== 'string' && JSON.stringify(shape(field.type)) !== JSON.stringify(shape(column.type))) {
    return nested(field.type, column.type, name);
  }
  return `CAST(${name} AS ${duck})`;
}

function nested(to: Field['type'], from: Field['type'], value: string): string {
  if (typeof to === 'string' || typeof from === 'string' || to.type !== 'struct' || from.type !== 'struct') {
    return `CAST(${value} AS ${toDuckType(to)})`;
  }
  const source = from.fields;
  const members = to.fields.map((f) => {
    const found = findField(source, f.name);
    const member = found
      ? nested(f.type, found.type, `struct_extract(${value}, ${literal(found.name)})`)
      : `NULL::${toDuckType(f.type)}`;
    return `${quoteIdentifier(f.name)} := ${member}`;
  });
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE CAST(struct_pack(${members.join(', ')}) AS ${toDuckType(to)}) END`;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
