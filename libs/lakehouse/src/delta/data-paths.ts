import { createHash } from 'node:crypto';
import { UnsupportedTable } from '../errors';
import type { PartitionValues } from './actions';

/** How Hive, Spark and DuckDB name the folder of a null. A name only: values are taken from the log. */
const NULL_FOLDER = '__HIVE_DEFAULT_PARTITION__';
const FOLDER_BYTES_MAX = 200;

/** The folder of a partition, e.g. `day=2026-01-02/kind=a%2Fb`, with an ending `/`; empty without partitions. */
export function partitionFolder(columns: readonly string[], values: PartitionValues): string {
  return columns
    .map((column) => `${shortened(`${escape(column)}=${escape(values[column] ?? NULL_FOLDER)}`)}/`)
    .join('');
}

const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function shortened(name: string): string {
  if (name.length <= FOLDER_BYTES_MAX) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, FOLDER_BYTES_MAX - 20)}-${digest}`;
}

/** An object path below the table's root as `add.path`: a relative URI, so what is encoded in the name is encoded again. */
export const toLogPath = (objectPath: string): string =>
  objectPath
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll('%3D', '='))
    .join('/');

/** The object path below the table's root that `add.path` names. Absolute ones are another table's files: refused. */
export function fromLogPath(logPath: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(logPath) || logPath.startsWith('/'))
    throw new UnsupportedTable(`absolute path ${logPath}`);
  try {
    return decodeURIComponent(logPath);
  } catch {
    // Some writers leave a bare % in place.
    return logPath;
  }
}
