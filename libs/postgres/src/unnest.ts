import { quoteIdentifier } from './quoting';

export interface UnnestColumn<Row> {
  readonly name: string;
  /** The element's SQL type, e.g. `bigint`, `text`, `bytea`, `jsonb`. */
  readonly type: string;
  readonly value: (row: Row) => unknown;
}

export interface Unnested {
  /** `unnest($1::bigint[], $2::text[]) AS rows ("id", "name")` */
  readonly sql: string;
  /** One array a column. */
  readonly values: unknown[][];
}

/**
 * Rows as parameters of one statement: `INSERT INTO t SELECT * FROM ${sql}` with `values`. One plan and one round trip
 * for any number of rows; the number of parameters is the number of columns, so the limit of 65,535 is never met.
 *
 * `firstParameter` is the number of the first `$n` (default 1). `undefined` becomes NULL. Values of json and jsonb
 * columns are serialised here: pg would take an array among them for a dimension of the SQL array.
 */
export function unnest<Row>(
  rows: readonly Row[],
  columns: readonly UnnestColumn<Row>[],
  { alias = 'rows', firstParameter = 1 }: { alias?: string; firstParameter?: number } = {},
): Unnested {
  const casts = columns.map(({ type }, i) => `$${firstParameter + i}::${type}[]`);
  const names = columns.map(({ name }) => quoteIdentifier(name));
  return {
    sql: `unnest(${casts.join(', ')}) AS ${quoteIdentifier(alias)} (${names.join(', ')})`,
    values: columns.map((column) => rows.map(encoder(column))),
  };
}

function encoder<Row>({ type, value }: UnnestColumn<Row>): (row: Row) => unknown {
  if (!/^jsonb?$/i.test(type)) return (row) => value(row) ?? null;
  return (row) => {
    const json = value(row);
    return json === undefined ? null : JSON.stringify(json);
  };
}
