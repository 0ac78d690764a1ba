import { EVENT_DATE_COLUMN, LINEAGE_COLUMNS, TYPED_KEY_COLUMNS } from '@millrace/topics';
import { contractColumns, RECOVERED_COLUMN } from '../columns';
import type { Contract } from '../model';

export const WAREHOUSES = ['delta', 'duckdb', 'postgres', 'bigquery'] as const;
export type Warehouse = (typeof WAREHOUSES)[number];

/** Names of Delta's types on each warehouse; decimals carry their digits. */
const TYPES: Readonly<Record<Warehouse, Readonly<Record<string, string>>>> = {
  delta: {
    string: 'STRING',
    long: 'BIGINT',
    integer: 'INT',
    double: 'DOUBLE',
    boolean: 'BOOLEAN',
    date: 'DATE',
    timestamp: 'TIMESTAMP',
    decimal: 'DECIMAL',
  },
  duckdb: {
    string: 'VARCHAR',
    long: 'BIGINT',
    integer: 'INTEGER',
    double: 'DOUBLE',
    boolean: 'BOOLEAN',
    date: 'DATE',
    timestamp: 'TIMESTAMP WITH TIME ZONE',
    decimal: 'DECIMAL',
  },
  postgres: {
    string: 'text',
    long: 'bigint',
    integer: 'integer',
    double: 'double precision',
    boolean: 'boolean',
    date: 'date',
    timestamp: 'timestamptz',
    decimal: 'numeric',
  },
  bigquery: {
    string: 'STRING',
    long: 'INT64',
    integer: 'INT64',
    double: 'FLOAT64',
    boolean: 'BOOL',
    date: 'DATE',
    timestamp: 'TIMESTAMP',
    decimal: 'NUMERIC',
  },
};

/** A column's type, given by Delta's name, on a warehouse. */
export function warehouseType(warehouse: Warehouse, type: string): string {
  const [, name, digits] = /^(\w+)(\(.*\))?$/.exec(type) as unknown as [string, string, string?];
  const found = TYPES[warehouse][name];
  if (found === undefined) throw new RangeError(`${type} is no type of a column`);
  return found + (digits ?? '');
}

interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly doc: string;
}

/** All columns of a contract's typed table: key, its own, lineage, the partition's date. */
function tableColumns(contract: Contract): readonly TableColumn[] {
  const plain = ({ name, type }: { name: string; type: string }): TableColumn => ({
    name,
    type,
    nullable: true,
    doc: '',
  });
  const recovered = contract.drift.typeClash === 'recover' ? [plain({ name: RECOVERED_COLUMN, type: 'string' })] : [];
  return [
    ...TYPED_KEY_COLUMNS.map(plain),
    ...contractColumns(contract).columns,
    ...recovered,
    ...LINEAGE_COLUMNS.map(plain),
    plain({ name: EVENT_DATE_COLUMN, type: 'date' }),
  ];
}

/**
 * The statement that creates a contract's typed table on a warehouse, one statement or, on Postgres, one for the table
 * and one for each comment. All columns may be null but those that the contract requires; tables of BigQuery and Delta
 * are partitioned by the UTC date of the event.
 */
export function tableDdl(contract: Contract, warehouse: Warehouse): string {
  const quote = warehouse === 'bigquery' || warehouse === 'delta' ? backticks : quotes;
  const table = quote(contract.table);
  const columns = tableColumns(contract);
  const lines = columns.map(({ name, type, nullable, doc }) => {
    const comment = doc === '' ? '' : commentOf(warehouse, doc);
    return `  ${quote(name)} ${warehouseType(warehouse, type)}${nullable ? '' : ' NOT NULL'}${comment}`;
  });
  const body = `CREATE TABLE ${table} (\n${lines.join(',\n')}\n)`;
  switch (warehouse) {
    case 'bigquery':
      return `${body}\nPARTITION BY ${quote(EVENT_DATE_COLUMN)};\n`;
    case 'delta':
      return `${body}\nUSING DELTA\nPARTITIONED BY (${quote(EVENT_DATE_COLUMN)});\n`;
    default:
      return [
        `${body};`,
        ...columns
          .filter(({ doc }) => doc !== '')
          .map(({ name, doc }) => `COMMENT ON COLUMN ${table}.${quote(name)} IS ${literal(doc)};`),
        '',
      ].join('\n');
  }
}

function commentOf(warehouse: Warehouse, doc: string): string {
  if (warehouse === 'bigquery') return ` OPTIONS (description = ${bigQueryLiteral(doc)})`;
  return warehouse === 'delta' ? ` COMMENT ${sparkLiteral(doc)}` : '';
}

const quotes = (name: string): string =>
  name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
const backticks = (name: string): string =>
  name
    .split('.')
    .map((part) => `\`${part.replaceAll('`', '``')}\``)
    .join('.');
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** JSON's escapes are those of BigQuery. */
const bigQueryLiteral = (text: string): string => JSON.stringify(text);
const sparkLiteral = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
