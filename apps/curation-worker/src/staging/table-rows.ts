import { quoteLiteral } from '@millrace/lakehouse/duckdb';
import type { LakeColumn } from '@millrace/topics';
import { ByteBuilder } from './byte-builder';
import { DELIMITER as D, field, NULL, READ_OPTIONS } from './delimited';

/** Rows of one table, written out for DuckDB. */
export interface TableRows {
  readonly table: string;
  readonly columns: readonly LakeColumn[];
  readonly bytes: Buffer;
  readonly rows: number;
  /** `SELECT` of the rows out of a file. */
  select(file: string): string;
}

export type Cell = string | number | boolean | null;

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMPTZ',
  long: 'BIGINT',
  integer: 'INTEGER',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
};

/** Collects rows; a column that a row does not name is null. */
export class TableRowsBuilder {
  private readonly buffer: ByteBuilder;
  private rows = 0;

  constructor(
    private readonly table: string,
    private readonly columns: readonly LakeColumn[],
    bytesExpected: number,
  ) {
    this.buffer = new ByteBuilder(bytesExpected);
  }

  add(cells: Readonly<Record<string, Cell>>): void {
    this.rows++;
    this.buffer.text(this.columns.map(({ name }) => written(cells[name] ?? null)).join(D) + '\n');
  }

  done(): TableRows {
    const { table, columns, rows } = this;
    const typed = columns.map(({ name, type }) => `${quoteLiteral(name)}: '${DUCKDB_TYPES[type]}'`).join(', ');
    const select = (file: string): string =>
      `SELECT * FROM read_csv(${quoteLiteral(file)}, ${READ_OPTIONS}, columns={${typed}})`;
    return { table, columns, bytes: this.buffer.done(), rows, select };
  }
}

function written(cell: Cell): string {
  if (typeof cell === 'string') return field(cell);
  return cell === null ? NULL : String(cell);
}
