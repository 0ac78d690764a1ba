import type { Storage } from '@millrace/storage';
import type { AddFile } from '../delta/actions';
import { fromLogPath, partitionFolder, toLogPath } from '../delta/data-paths';
import type { DeltaLog } from '../delta/delta-log';
import type { RowEngine, RowSession } from '../delta/row-engine';

export type JsonRow = Readonly<Record<string, unknown>>;

/** A source: rows of files, or rows as they are, and what of them is wanted. */
interface Source {
  readonly files?: readonly string[];
  readonly given?: readonly JsonRow[];
  /** Column to SQL; see `computed`. */
  readonly set?: Readonly<Record<string, string>>;
  readonly columns?: readonly string[];
}

/** A source of rows as they are. */
export const givenRows = (rows: readonly JsonRow[]): string => JSON.stringify({ given: rows } satisfies Source);

/** The rows of an object of JSON lines. */
export async function readJsonRows(storage: Pick<Storage, 'get'>, path: string): Promise<JsonRow[]> {
  const lines = (await storage.get(path)).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as JsonRow);
}

/**
 * Reads and writes data files as lines of JSON, for tests and simulations of everything else that a table is. Values
 * are not cast, and there are no statistics.
 *
 * @param storage whose objects the paths of staged files name
 */
export function createJsonRows(storage: Pick<Storage, 'get'>): RowEngine {
  const evaluate = async (text: string): Promise<JsonRow[]> => {
    const { files = [], given = [], set = {}, columns } = JSON.parse(text) as Source;
    const rows = [...given];
    for (const file of files) rows.push(...(await readJsonRows(storage, file)));
    const made = Object.entries(set).map(([name, sql]) => [name, computed(sql)] as const);
    return rows.map((row) => {
      const whole: Record<string, unknown> = { ...row };
      for (const [name, of] of made) whole[name] = of(row);
      return columns ? Object.fromEntries(columns.map((name) => [name, whole[name] ?? null])) : whole;
    });
  };
  const session: RowSession = {
    staged: async ({ files, set }) => JSON.stringify({ files, set } satisfies Source),
    scan: async (log, snapshot, options) => {
      const files = options.files ?? [...snapshot.files.values()];
      return JSON.stringify({ files: files.map((file) => log.path(fromLogPath(file.path))) } satisfies Source);
    },
    describe: async (source) => {
      const names = new Set((await evaluate(source)).flatMap((row) => Object.keys(row)));
      // Of no type of its own: it fits any column that the table has.
      return [...names].map((name) => ({ name, duckType: '', type: 'void', nullable: true, metadata: {} }));
    },
    select: (fields, _columns, source) =>
      JSON.stringify({ ...(JSON.parse(source) as Source), columns: fields.map(({ name }) => name) } satisfies Source),
    write: async (log, source, target, options) => {
      const rows = await evaluate(source);
      const partitions = new Map<string, { values: Record<string, string | null>; rows: JsonRow[] }>();
      for (const row of rows) {
        const values = Object.fromEntries(target.partitionColumns.map((name) => [name, textOf(row[name])]));
        const key = JSON.stringify(values);
        const partition = partitions.get(key);
        if (partition) partition.rows.push(row);
        else partitions.set(key, { values, rows: [row] });
      }
      const adds: AddFile[] = [];
      for (const { values, rows: some } of partitions.values()) {
        const below = `${partitionFolder(target.partitionColumns, values)}part-${options.newId()}.json`;
        const bytes = Buffer.from(some.map((row) => `${JSON.stringify(row)}\n`).join(''));
        await log.storage.createIfAbsent(log.path(below), bytes);
        adds.push({
          ...{ path: toLogPath(below), partitionValues: values, size: bytes.length, modificationTime: target.now },
          ...{ dataChange: options.dataChange, stats: JSON.stringify({ numRecords: some.length }) },
        });
      }
      return { adds, rows: rows.length, bytes: adds.reduce((n, { size }) => n + size, 0), undo: () => undo(log, adds) };
    },
  };
  return { use: (task) => task(session) };
}

async function undo(log: DeltaLog, adds: readonly AddFile[]): Promise<void> {
  for (const { path } of adds) await log.storage.delete(log.path(fromLogPath(path)));
}

const textOf = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));

/** The two expressions that commits compute columns with. */
function computed(sql: string): (row: JsonRow) => unknown {
  const instant = /^TIMESTAMPTZ '([^']+)'$/.exec(sql);
  if (instant) return () => instant[1];
  const date = /^CAST\((\w+) AS DATE\)$/.exec(sql);
  if (date) return (row) => textOf(row[date[1]])?.slice(0, 10) ?? null;
  throw new Error(`no expression that rows of JSON are computed with: ${sql}`);
}
