import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type DuckConnection, quoteIdentifier, quoteLiteral } from '../duckdb';
import { pythonEnvironment } from './python-environment';

export const DELTA_READERS = ['delta-rs', 'datafusion', 'polars'] as const;
export type DeltaReader = (typeof DELTA_READERS)[number];

/** Independent implementations of Delta (PyPI `deltalake` and `polars`), to compare with. */
export interface DeltaReaders {
  /** Reads a table, at its newest version by default, and returns a Parquet file with its rows. */
  read(reader: DeltaReader, folder: string, version?: number): Promise<string>;
  /** What delta-rs says of a table. */
  describe(folder: string, appId?: string): Promise<DeltaDescription>;
  /** Appends a Parquet file's rows by delta-rs. */
  append(folder: string, parquet: string): Promise<void>;
  close(): Promise<void>;
}

export interface DeltaDescription {
  readonly version: number;
  readonly files: number;
  readonly columns: readonly string[];
  readonly partitionColumns: readonly string[];
  readonly transaction: number | null;
  readonly operations: readonly string[];
}

/**
 * Starts the readers. Where they cannot be had (no Python, no package index) returns null after printing why; under CI
 * that is an error instead.
 */
export async function deltaReaders(): Promise<DeltaReaders | null> {
  let python: string;
  try {
    python = await pythonEnvironment();
  } catch (error) {
    if (process.env.CI) throw error;
    process.stderr.write(`independent Delta readers are not to be had: ${(error as Error).message.split('\n')[0]}\n`);
    return null;
  }
  return start(python);
}

async function start(python: string): Promise<DeltaReaders> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-readers-'));
  const child = spawn(python, [path.join(__dirname, 'read_delta.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the Python process ended');
    return JSON.parse(value) as Record<string, unknown>;
  };
  await answer();
  let files = 0;
  /** Requests are answered in order, one at a time. */
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (request: object): Promise<Record<string, unknown>> => {
    const mine = turn.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const given = await answer();
      if (given.ok !== true) throw new Error(String(given.error));
      return given;
    });
    turn = mine.catch(() => undefined);
    return mine;
  };

  return {
    async read(reader, table, version): Promise<string> {
      const out = path.join(folder, `${files++}.parquet`);
      await ask({ op: 'export', reader, table, version: version ?? null, out });
      return out;
    },
    async describe(table, appId): Promise<DeltaDescription> {
      return (await ask({ op: 'describe', table, app: appId ?? null })) as unknown as DeltaDescription;
    },
    async append(table, parquet): Promise<void> {
      await ask({ op: 'append', table, parquet });
    },
    async close(): Promise<void> {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/**
 * Compares the rows of a SELECT with those of a Parquet file as multisets, column by name. Returns how many rows each
 * has that the other lacks; values must be equal under the SELECT's types.
 */
export async function differences(
  duck: DuckConnection,
  sql: string,
  parquet: string,
): Promise<{ rows: number; onlyOurs: number; onlyTheirs: number; otherColumns: string[] }> {
  const described = await duck.query(`DESCRIBE ${sql}`);
  const columns = described.map((row) => ({ name: String(row.column_name), type: String(row.column_type) }));
  const relation = `read_parquet(${quoteLiteral(parquet)}, hive_partitioning = false)`;
  const theirs = (await duck.query(`DESCRIBE SELECT * FROM ${relation}`)).map((row) => String(row.column_name));
  const otherColumns = [
    ...theirs.filter((name) => !columns.some((c) => c.name === name)),
    ...columns.map((c) => c.name).filter((name) => !theirs.includes(name)),
  ];
  if (otherColumns.length > 0) return { rows: 0, onlyOurs: 0, onlyTheirs: 0, otherColumns };
  const ours = columns.map((c) => quoteIdentifier(c.name)).join(', ');
  const cast = columns
    .map((c) => `CAST(${quoteIdentifier(c.name)} AS ${c.type}) AS ${quoteIdentifier(c.name)}`)
    .join(', ');
  const [found] = await duck.query(
    `WITH ours AS MATERIALIZED (SELECT ${ours} FROM (${sql})), theirs AS MATERIALIZED (SELECT ${cast} FROM ${relation})
     SELECT (SELECT count(*) FROM ours) AS rows, (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)) AS only_ours,
            (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)) AS only_theirs`,
  );
  return {
    rows: Number(found.rows),
    onlyOurs: Number(found.only_ours),
    onlyTheirs: Number(found.only_theirs),
    otherColumns,
  };
}
