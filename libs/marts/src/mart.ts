import { dimensionHistorySql } from './dimension';

/** A table that is derived from clean tables, partition by partition. */
export interface Mart {
  /** Table id, e.g. `mart.shipments_daily`. */
  readonly id: string;
  /** Name for people and warehouses, e.g. `mart_shipments_daily`. */
  readonly name: string;
  /** Table ids whose rows belong to its partitions. */
  readonly sources: readonly string[];
  /** Dimensions that it joins, as of the time of its rows; one that was never loaded has no keys. */
  readonly dimensions: readonly MartDimension[];
  /** A date column; the mart is rebuilt partition by partition. */
  readonly partitionColumn: string;
  /**
   * The partition to which a source row belongs, as SQL over that row alone: so the partitions that new rows touch are
   * known without running the mart, and a partition is rebuilt from exactly the source rows that share its value.
   */
  readonly partitionExpression: string;
  /** In the order of its rows; types are Delta's names. */
  readonly columns: readonly MartColumn[];
}

/** A mart that is one SQL text, which DuckDB and BigQuery both run; all of its sources must be there. */
export interface MartDefinition extends Mart {
  /** One SELECT; `{{clean.shipment_events}}` stands for a source. */
  readonly sql: string;
}

/**
 * A dimension that a mart joins: `{{dim.carriers}}` stands for its history, with `tenant_id`, `dimension_key`, the
 * attributes named here, `valid_from` and `valid_to` (null while it holds).
 */
export interface MartDimension {
  /** Table id, e.g. `dim.carriers`. */
  readonly table: string;
  /** Its columns that the mart uses; types are Delta's names. Null for a column that was never loaded. */
  readonly attributes: readonly { readonly name: string; readonly type: string }[];
  /**
   * Column of the mart's source whose value is the key; null where a later load of the dimension is not to make
   * partitions stale.
   */
  readonly sourceKey: string | null;
  /** Column of the mart's source with the time as of which it is joined. */
  readonly sourceTime: string;
}

export interface MartColumn {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
}

export interface MartSqlOptions {
  /**
   * SQL relations by source table id: a name, a table function or a query in parentheses. Trusted text. A dimension's is
   * its table; without one it has no keys.
   */
  readonly sources: Readonly<Record<string, string>>;
  /** Columns of the dimensions' tables by table id; absent means that they have all that the mart uses. */
  readonly columns?: Readonly<Record<string, ReadonlySet<string>>>;
  /** Partition values, `YYYY-MM-DD`; absent means the whole mart, none means no rows. */
  readonly partitions?: readonly string[];
}

const PLACEHOLDER = /\{\{([a-z_.]+)\}\}/g;
const PARTITION = /^\d{4}-\d{2}-\d{2}$/;

/**
 * What BigQuery has by this name and DuckDB by another. Run each on a DuckDB connection before a mart's SQL; they are
 * temporary and belong to the connection.
 */
export const DUCKDB_MACROS: readonly string[] = [
  'CREATE OR REPLACE TEMP MACRO to_json_string(any_value) AS CAST(to_json(any_value) AS VARCHAR)',
  'CREATE OR REPLACE TEMP MACRO regexp_contains(txt, pattern) AS regexp_matches(txt, pattern)',
  'CREATE OR REPLACE TEMP MACRO unix_micros(instant) AS epoch_us(instant)',
];

/**
 * The SQL that computes a mart, or some of its partitions, from the given relations. Identifiers and literals are plain
 * enough for DuckDB and BigQuery alike.
 *
 * @throws Error for a source without a relation, or a partition that is no date
 */
export function martSql(definition: MartDefinition, { sources, columns, partitions }: MartSqlOptions): string {
  return definition.sql.replace(PLACEHOLDER, (_placeholder, source: string) => {
    const relation = sources[source];
    const dimension = definition.dimensions.find(({ table }) => table === source);
    if (dimension) return dimensionHistorySql(dimension, relation, columns?.[source]);
    if (relation === undefined) throw new Error(`${definition.id} reads ${source}, for which no relation is given`);
    return partitions === undefined ? relation : restrict(relation, definition.partitionExpression, partitions);
  });
}

function restrict(relation: string, expression: string, partitions: readonly string[]): string {
  const literals = partitions.map((value) => {
    if (!PARTITION.test(value)) throw new Error(`"${value}" is no partition: it must be a date, YYYY-MM-DD`);
    return `DATE '${value}'`;
  });
  const condition = literals.length > 0 ? `${expression} IN (${literals.join(', ')})` : 'FALSE';
  return `(SELECT * FROM ${relation} WHERE ${condition})`;
}

/** One row per partition that the rows of a relation touch, as text `YYYY-MM-DD` in `partition_value`. */
export function touchedPartitionsSql(definition: Pick<Mart, 'partitionExpression'>, relation: string): string {
  return `SELECT DISTINCT CAST(${definition.partitionExpression} AS STRING) AS partition_value FROM ${relation} WHERE ${definition.partitionExpression} IS NOT NULL`;
}
