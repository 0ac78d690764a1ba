import type { Column } from './columns';

export type TableColumn = Pick<Column, 'name' | 'type' | 'nullable' | 'doc'>;

export interface Evolution {
  /** What the table has after the change: its columns in their order, then the new ones. */
  readonly columns: readonly TableColumn[];
  readonly added: readonly TableColumn[];
}

/** A column that one version has with another type than the table; tables never change a column's type. */
export class ColumnTypeConflict extends Error {
  readonly code = 'COLUMN_TYPE_CONFLICT';

  constructor(
    readonly column: string,
    readonly from: string,
    readonly to: string,
  ) {
    super(`column "${column}" is ${from} in the table and ${to} in the contract; give the field another physicalName`);
    this.name = 'ColumnTypeConflict';
  }
}

/**
 * A table's columns after one more version of its contract: the union, since rows of all versions live in it. Columns are
 * only ever added; one that a version drops stays and is null in new rows, and one that older rows lack is nullable.
 * Names that differ by case only are one column, as SQL engines see it.
 *
 * @throws ColumnTypeConflict
 */
export function evolveColumns(table: readonly TableColumn[], next: readonly TableColumn[]): Evolution {
  const incoming = new Map(next.map((column) => [column.name.toLowerCase(), column]));
  const kept = table.map((column): TableColumn => {
    const match = incoming.get(column.name.toLowerCase());
    if (match && match.type !== column.type) throw new ColumnTypeConflict(column.name, column.type, match.type);
    return { ...column, doc: match?.doc || column.doc, nullable: column.nullable || !match || match.nullable };
  });
  const known = new Set(table.map((column) => column.name.toLowerCase()));
  const added = next
    .filter((column) => !known.has(column.name.toLowerCase()))
    .map(({ name, type, nullable, doc }): TableColumn => ({ name, type, doc, nullable: nullable || table.length > 0 }));
  return { columns: [...kept, ...added], added };
}
