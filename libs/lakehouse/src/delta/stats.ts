import type { AddFile } from './actions';
import type { Field } from './schema';

/** Leaf columns that get statistics: the default of `delta.dataSkippingNumIndexedCols`. */
const INDEXED_COLUMNS_MAX = 32;
/** Code points of a string bound: what Spark keeps as well. */
const STRING_BOUND_MAX = 32;
/** Appended to a cut maximum: no code point is greater. */
const TIE_BREAKER = '\u{10FFFF}';
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** One entry of `column_statistics` in what `COPY … (RETURN_STATS)` returns: a quoted path and its measures. */
export interface ColumnStatistics {
  readonly key: string;
  readonly value: readonly { readonly key: string; readonly value: string }[];
}

/** A JSON text, or further members. */
type Tree = { [name: string]: Tree | string };

/**
 * The `stats` of an added file (PROTOCOL.md, "Per-file Statistics"), from what DuckDB measured while it wrote. Numbers
 * are passed on as the digits they came in: JSON.stringify would round longs and decimals.
 */
export function statsJson(rows: number, columns: readonly ColumnStatistics[], fields: readonly Field[]): string {
  const min: Tree = {};
  const max: Tree = {};
  const nulls: Tree = {};
  let indexed = 0;
  for (const { path, type, measures } of inSchemaOrder(columns, fields)) {
    if (indexed++ >= INDEXED_COLUMNS_MAX) break;
    if (measures.has('null_count')) put(nulls, path, String(measures.get('null_count')));
    // Parquet's bounds pass over NaN, Spark orders it above every number.
    if (measures.get('has_nan') === 'true') continue;
    const low = bound(type, measures.get('min'), 'min');
    const high = bound(type, measures.get('max'), 'max');
    if (low === undefined || high === undefined) continue;
    put(min, path, low);
    put(max, path, high);
  }
  return `{"numRecords":${rows},"minValues":${text(min)},"maxValues":${text(max)},"nullCount":${text(nulls)}}`;
}

/** Number of nulls in a top-level column, or undefined where it was not measured. */
export function nullCount(columns: readonly ColumnStatistics[], name: string): number | undefined {
  const found = columns.find((c) => sameName(c.key, name));
  const count = found?.value.find((m) => m.key === 'null_count')?.value;
  return count === undefined ? undefined : Number(count);
}

const sameName = (key: string, name: string): boolean => {
  const path = parsePath(key);
  return path.length === 1 && path[0] === name;
};

function* inSchemaOrder(
  columns: readonly ColumnStatistics[],
  fields: readonly Field[],
): Generator<{ path: string[]; type: string; measures: Map<string, string> }> {
  const measured = new Map(columns.map((c) => [JSON.stringify(parsePath(c.key)), c]));
  function* leaves(at: readonly Field[], above: string[]): Generator<{ path: string[]; type: string }> {
    for (const f of at) {
      const path = [...above, f.name];
      if (typeof f.type === 'string') yield { path, type: f.type };
      else if (f.type.type === 'struct') yield* leaves(f.type.fields, path);
    }
  }
  for (const leaf of leaves(fields, [])) {
    const found = measured.get(JSON.stringify(leaf.path));
    if (found) yield { ...leaf, measures: new Map(found.value.map((m) => [m.key, m.value])) };
  }
}

const parsePath = (key: string): string[] =>
  [...key.matchAll(/"((?:[^"]|"")*)"/g)].map((m) => m[1].replaceAll('""', '"'));

/** A bound as JSON text; undefined where the type has none or the value's form is unknown. */
function bound(type: string, value: string | undefined, side: 'min' | 'max'): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (type === 'string') {
    const points = [...value];
    if (points.length <= STRING_BOUND_MAX) return JSON.stringify(value);
    return JSON.stringify(points.slice(0, STRING_BOUND_MAX).join('') + (side === 'max' ? TIE_BREAKER : ''));
  }
  if (type === 'date') return /^\d{4}-\d\d-\d\d$/.test(value) ? JSON.stringify(value) : undefined;
  if (type === 'timestamp' || type === 'timestamp_ntz') return timestampBound(type, value, side);
  if (/^(byte|short|integer|long|float|double|decimal\(.*\))$/.test(type))
    return NUMBER.test(value) ? value : undefined;
  return undefined;
}

/** Bounds are milliseconds. Readers may or may not add one to a maximum (Spark truncates its own), so it is rounded up. */
function timestampBound(type: string, value: string, side: 'min' | 'max'): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(\+00)?$/.exec(value);
  if (!match) return undefined;
  const micros = (match[3] ?? '').padEnd(6, '0');
  const floored = Date.parse(`${match[1]}T${match[2]}.${micros.slice(0, 3)}Z`);
  const iso = new Date(floored + (side === 'max' && micros.slice(3) !== '000' ? 1 : 0)).toISOString();
  return JSON.stringify(type === 'timestamp' ? iso : iso.slice(0, -1));
}

function put(tree: Tree, path: readonly string[], value: string): void {
  let at = tree;
  for (const name of path.slice(0, -1)) {
    if (!Object.hasOwn(at, name)) define(at, name, {});
    at = at[name] as Tree;
  }
  define(at, path[path.length - 1], value);
}

/** A column may be called `__proto__`. */
const define = (tree: Tree, name: string, value: Tree | string): void =>
  void Object.defineProperty(tree, name, { value, enumerable: true });

const text = (tree: Tree | string): string =>
  typeof tree === 'string'
    ? tree
    : `{${Object.entries(tree)
        .map(([name, value]) => `${JSON.stringify(name)}:${text(value)}`)
        .join(',')}}`;

export interface FileStats {
  readonly numRecords?: number;
  readonly minValues?: Readonly<Record<string, unknown>>;
  readonly maxValues?: Readonly<Record<string, unknown>>;
  readonly nullCount?: Readonly<Record<string, unknown>>;
}

const parsed = new WeakMap<AddFile, FileStats | null>();

/** The statistics of a file, parsed once; null where it has none. Numbers beyond 2^53 are not exact. */
export function statsOf(file: AddFile): FileStats | null {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  let stats: FileStats | null = null;
  try {
    stats = file.stats ? (JSON.parse(file.stats) as FileStats) : null;
  } catch {
    // Statistics only save work: a file without them is read.
  }
  parsed.set(file, stats);
  return stats;
}

/** Rows of a file, where it says so. */
export const recordsOf = (file: AddFile): number | null => statsOf(file)?.numRecords ?? null;

/** The least or the greatest bound of a column that files of a snapshot state, as the log writes it; null where none does. */
export function boundOf(
  { files }: { readonly files: { values(): Iterable<AddFile> } },
  column: string,
  side: 'min' | 'max',
): string | null {
  let found: string | null = null;
  for (const file of files.values()) {
    const stats = statsOf(file);
    const value = (side === 'min' ? stats?.minValues : stats?.maxValues)?.[column];
    if (typeof value !== 'string') continue;
    if (found === null || (side === 'min' ? value < found : value > found)) found = value;
  }
  return found;
}
