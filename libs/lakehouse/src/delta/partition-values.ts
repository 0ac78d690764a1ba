import { quoteLiteral } from '../duckdb';
import { SchemaMismatch } from '../errors';
import type { DeltaType } from './schema';
import { toDuckType } from './duck-types';

/**
 * A partition's value as DuckDB's COPY reports it, in the form of the log (PROTOCOL.md, "Partition Value
 * Serialization"): the empty text stands for null, timestamps are ISO-8601 in UTC.
 */
export function toPartitionValue(type: DeltaType, text: string | null): string | null {
  if (text === null || text === '') return null;
  if (type !== 'timestamp') return text;
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text);
  if (!match) throw new SchemaMismatch(`a partition value cannot be the timestamp ${text}`);
  return `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(6, '0')}Z`;
}

/** A value of the log as a SQL expression of the column's type. Zone-less timestamp texts mean UTC. */
export function partitionLiteral(type: DeltaType, value: string | null | undefined): string {
  const duck = toDuckType(type);
  if (value === null || value === undefined || value === '') return `NULL::${duck}`;
  // Binary values are the bytes as text.
  return type === 'binary' ? `encode(${quoteLiteral(value)})` : `CAST(${quoteLiteral(value)} AS ${duck})`;
}

/**
 * What of `values` a caller may have written differently than the log does, made equal: `1` and `01` name one integer
 * partition. Texts that the type cannot have are refused.
 */
export function normalizePartitionValue(column: string, type: DeltaType, value: string | null): string | null {
  if (value === null || value === '') return null;
  const bad = (): never => {
    throw new SchemaMismatch(`${JSON.stringify(value)} is no value of partition column ${column}`);
  };
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return /^-?\d{1,19}$/.test(value) ? String(BigInt(value)) : bad();
    case 'boolean':
      return value === 'true' || value === 'false' ? value : bad();
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(value) ? value : bad();
    case 'timestamp': {
      const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00)?$/.exec(value);
      return match ? `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(6, '0')}Z` : bad();
    }
    default:
      return value;
  }
}
