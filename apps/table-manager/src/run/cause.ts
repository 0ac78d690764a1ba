import { DuckError, type DuckErrorCode } from '@millrace/lakehouse/duckdb';
import { StorageError } from '@millrace/storage';

/** DuckDB's own messages quote values of rows, which belong into no log and no answer. */
const IN_WORDS: Readonly<Record<DuckErrorCode, string>> = {
  DUCK_CONVERSION: 'a value does not fit the type that it is read as',
  DUCK_INVALID_INPUT: 'a file is malformed or a value is not taken',
  DUCK_OUT_OF_MEMORY: 'it takes more memory than DUCKDB_MEMORY_MAX',
  DUCK_DISK_FULL: 'there is no room to write or to spill',
  DUCK_IO: 'a file cannot be read or written',
  DUCK_CANCELLED: 'it was cancelled',
  DUCK_TIMEOUT: 'it took too long',
  DUCK_STATEMENT: 'the tables do not have the columns or types that it reads',
  DUCK_CLOSED: 'DuckDB is closed',
  DUCK_INTERNAL: 'DuckDB broke',
};

/** Files of the lake by their last three parts: table, partition and name. */
const FILE = /["']([^"'\n]{1,4096}\.(?:parquet|json))["']/;

/** Why something failed, in words that quote no row: for logs, metrics, results and readiness. */
export function causeOf(error: unknown): string {
  if (error instanceof DuckError) {
    const file = FILE.exec(error.message)?.[1].split('/').slice(-3).join('/');
    return `${error.code}: ${IN_WORDS[error.code]}${file === undefined ? '' : ` (${file})`}`;
  }
  if (error instanceof StorageError) return `${error.code}: ${error.path}`;
  if (!(error instanceof Error)) return 'an unknown failure';
  const code = (error as { code?: unknown }).code;
  // What the database refuses is named by its code; what it says may quote a row.
  if (typeof code === 'string') return `${error.name} ${code}`;
  return error.message.slice(0, 500);
}

/** Whether nothing can be written to the lake: that is everybody's trouble, not that of one table. */
export function isLakeUnwritable(error: unknown): boolean {
  if (error instanceof DuckError) return error.code === 'DUCK_DISK_FULL' || error.code === 'DUCK_CLOSED';
  return error instanceof StorageError && error.canRetry;
}
