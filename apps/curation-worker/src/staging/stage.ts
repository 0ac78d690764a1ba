import { type Duck, DuckError, type DuckConnection, quoteLiteral } from '@millrace/lakehouse/duckdb';
import type { Storage } from '@millrace/storage';
import { EVENTS_TABLE, type StagedFile } from '@millrace/topics';
import { type EventRows, selectEvents, selectTyped } from './event-rows';
import { stagedPath } from './paths';
import type { Scratch } from './scratch';
import { type Stager, Unstorable, type ValueQuestion, type Writer } from './stager';
import type { TableRows } from './table-rows';

export interface StagingDeps {
  readonly storage: Storage;
  /** For row files; they live for a few hundred milliseconds. */
  readonly scratch: Scratch;
}

/** Parquet files by DuckDB. */
export const createDuckStager = (deps: StagingDeps & { readonly duck: Pick<Duck, 'use'> }): Stager => ({
  use: (task) =>
    deps.duck.use((connection) =>
      task({
        events: (rows, writer, written) => stageEvents(deps, connection, rows, writer, written),
        table: (rows, writer, written) => stageTable(deps, connection, rows, writer, written),
        canStore: (rows) => canStore(deps, connection, rows),
        values: (rows, questions) => valuesOf(deps, connection, rows, questions),
      }),
    ),
});

/** Below it the making of zstd's contexts, one a column chunk, costs more than all the rest of a file. */
const ZSTD_BYTES_MIN = 1 << 20;

/** Staged files last until they are rewritten by the commit: zstd's level 1 costs a quarter less than the default 3. */
const parquet = (rowBytes: number): string =>
  `FORMAT parquet, COMPRESSION ${rowBytes < ZSTD_BYTES_MIN ? 'snappy' : 'zstd, COMPRESSION_LEVEL 1'}, RETURN_STATS`;

export async function stageEvents(
  deps: StagingDeps,
  connection: DuckConnection,
  rows: EventRows,
  writer: Writer,
  written: string[],
): Promise<StagedFile[]> {
  const write = (table: string, select: string): Promise<StagedFile> =>
    copy(deps, connection, { table, select, rowBytes: rows.bytes.length }, writer, written);
  return withRows(deps, connection, rows.bytes, rows.select, async (staged) => {
    const files = [await write(EVENTS_TABLE, selectEvents(staged))];
    for (const [no, contract] of rows.contracts.entries()) {
      const { name, version, table } = contract.compiled;
      files.push({ ...(await write(table, selectTyped(staged, no, rows))), contract: { name, version } });
    }
    return files;
  });
}

async function stageTable(
  deps: StagingDeps,
  connection: DuckConnection,
  rows: TableRows,
  writer: Writer,
  written: string[],
): Promise<StagedFile> {
  const { table, bytes } = rows;
  return withRows(deps, connection, bytes, rows.select, (staged) =>
    copy(deps, connection, { table, select: `SELECT * FROM ${staged}`, rowBytes: bytes.length }, writer, written),
  );
}

async function canStore(deps: StagingDeps, connection: DuckConnection, rows: EventRows): Promise<boolean> {
  try {
    await withRows(deps, connection, rows.bytes, rows.select, async (table) => {
      await connection.query(`CREATE OR REPLACE TEMP TABLE tried AS ${selectEvents(table)}`);
      for (const no of rows.contracts.keys()) {
        await connection.query(`CREATE OR REPLACE TEMP TABLE tried AS ${selectTyped(table, no, rows)}`);
      }
      await connection.query('DROP TABLE tried');
    });
    return true;
  } catch (error) {
    if (error instanceof Unstorable) return false;
    throw error;
  }
}

async function valuesOf(
  deps: StagingDeps,
  connection: DuckConnection,
  rows: EventRows,
  questions: readonly ValueQuestion[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map(questions.map(({ name }): [string, string[]] => [name, []]));
  await withRows(deps, connection, rows.bytes, rows.select, async (table) => {
    for (const [no, contract] of rows.contracts.entries()) {
      for (const { name, tables, expression } of questions) {
        if (!tables.includes(contract.compiled.table)) continue;
        const values = await connection.query(
          `SELECT DISTINCT CAST(${expression} AS VARCHAR) AS value FROM (${selectTyped(table, no, rows)}) ORDER BY 1`,
        );
        for (const { value } of values) if (value !== null) found.get(name)?.push(String(value));
      }
    }
  });
  return found;
}

/** The rows' table on a connection, which is lent to one caller at a time. */
const ROWS = 'staged_rows';

async function withRows<T>(
  { scratch }: StagingDeps,
  connection: DuckConnection,
  bytes: Buffer,
  select: (file: string) => string,
  use: (table: string) => Promise<T>,
): Promise<T> {
  const file = await scratch.hold(bytes);
  try {
    await connection.query(`CREATE OR REPLACE TEMP TABLE ${ROWS} AS ${select(file.path)}`);
    return await use(ROWS);
  } catch (error) {
    const isRow =
      error instanceof DuckError && (error.code === 'DUCK_CONVERSION' || error.code === 'DUCK_INVALID_INPUT');
    throw isRow ? new Unstorable(error.message, { cause: error }) : error;
  } finally {
    await file.drop();
    await connection.query(`DROP TABLE IF EXISTS ${ROWS}`).catch(() => undefined);
  }
}

async function copy(
  { storage }: StagingDeps,
  connection: DuckConnection,
  { table, select, rowBytes }: { readonly table: string; readonly select: string; readonly rowBytes: number },
  writer: Writer,
  written: string[],
): Promise<StagedFile> {
  const target = stagedPath(table, writer.batchId, writer.epoch);
  const staged = await storage.stage(target);
  try {
    const [stats] = await connection.query(
      `COPY (${select}) TO ${quoteLiteral(staged.localPath)} (${parquet(rowBytes)})`,
    );
    written.push(target);
    await staged.publish();
    return {
      kind: 'clean',
      table,
      path: target,
      rows: Number(stats['count']),
      bytes: Number(stats['file_size_bytes']),
    };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
