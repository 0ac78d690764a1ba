/**
 * The lakehouse: tables with atomic versions, one winner per version, and time travel, as Delta Lake tables on the
 * storage port with DuckDB reading and writing their files.
 */
export * from './errors';
export * from './delta';
export * from './duckdb';
export { toDuckType } from './delta/duck-types';
