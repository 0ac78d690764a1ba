import { compareUtf8 } from '@millrace/storage';
import type { AddFile } from './actions';
import { normalizePartitionValue } from './partition-values';
import { findField } from './schema';
import type { Snapshot } from './snapshot';
import { statsOf } from './stats';

/** What is wanted of a column. Bounds are inclusive; values as the log writes them: dates and timestamps ISO-8601. */
export interface Range {
  readonly min?: string | number | bigint;
  readonly max?: string | number | bigint;
  /** One of these; null for null. Only partition columns and statistics of strings and dates make use of it. */
  readonly values?: readonly (string | number | bigint | null)[];
}

/**
 * The files that may hold a row with every named column in its range: never one too few. By partition values and by
 * statistics; a file without statistics stays in. `among` are files of the snapshot, default all.
 */
export function prune(
  snapshot: Snapshot,
  ranges: Readonly<Record<string, Range>>,
  among: Iterable<AddFile> = snapshot.files.values(),
): AddFile[] {
  const tests = Object.entries(ranges).flatMap(([name, range]) => {
    const field = findField(snapshot.fields, name);
    if (!field || typeof field.type !== 'string') return [];
    const isPartition = snapshot.partitionColumns.includes(field.name);
    return [isPartition ? partitionTest(field.name, field.type, range) : statsTest(field.name, field.type, range)];
  });
  return [...among].filter((file) => tests.every((test) => test(file)));
}

type Test = (file: AddFile) => boolean;

function partitionTest(name: string, type: string, range: Range): Test {
  const normal = (value: string | number | bigint): string => normalizePartitionValue(name, type, String(value)) ?? '';
  const values = range.values && new Set(range.values.map((v) => (v === null ? null : normal(v))));
  const min = range.min === undefined ? undefined : normal(range.min);
  const max = range.max === undefined ? undefined : normal(range.max);
  return (file) => {
    const value = file.partitionValues[name] ?? null;
    if (values && !values.has(value)) return false;
    if (min === undefined && max === undefined) return true;
    // Null is in no range.
    if (value === null) return false;
    return (
      !(min !== undefined && compare(type, value, min) < 0) && !(max !== undefined && compare(type, value, max) > 0)
    );
  };
}

function statsTest(name: string, type: string, range: Range): Test {
  const wanted = range.values?.filter((v) => v !== null) ?? [];
  const onlyValues = range.values !== undefined && wanted.length === range.values.length && wanted.length > 0;
  return (file) => {
    const stats = statsOf(file);
    const low = stats?.minValues?.[name];
    const high = stats?.maxValues?.[name];
    if (low === undefined || low === null || high === undefined || high === null) return true;
    const outside = (from: unknown, to: unknown): boolean =>
      (to !== undefined && compare(type, low, to) > 0) || (from !== undefined && compare(type, high, from) < 0);
    if (outside(range.min, range.max)) return false;
    return !onlyValues || wanted.some((v) => !outside(v, v));
  };
}

/** Order of two values of a type; 0 where it cannot be told for certain, which keeps the file. */
function compare(type: string, a: unknown, b: unknown): number {
  if (type === 'string') return compareUtf8(String(a), String(b));
  if (type === 'date') return plainDate(a) && plainDate(b) ? compareUtf8(String(a), String(b)) : 0;
  if (type === 'timestamp' || type === 'timestamp_ntz') return compareTimestamps(String(a), String(b));
  const x = Number(a);
  const y = Number(b);
  // Number is exact up to 2^53 only, and the statistics were parsed as numbers.
  const unsure = Number.isNaN(x) || Number.isNaN(y) || Math.max(Math.abs(x), Math.abs(y)) > Number.MAX_SAFE_INTEGER;
  return unsure || type === 'boolean' || type === 'binary' ? 0 : x - y;
}

const plainDate = (value: unknown): boolean => /^\d{4}-\d\d-\d\d$/.test(String(value));

/** Bounds are milliseconds, cut by some writers: what is less than two apart counts as equal. */
function compareTimestamps(a: string, b: string): number {
  const difference = millis(a) - millis(b);
  return Number.isNaN(difference) || Math.abs(difference) < 2 ? 0 : difference;
}

function millis(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d(?::?\d\d)?)?$/.exec(text);
  if (!match) return Number.NaN;
  const zone = match[3] === undefined || match[3] === '+00' ? 'Z' : match[3];
  return Date.parse(`${match[1]}T${match[2]}${zone}`);
}
