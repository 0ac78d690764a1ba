import { mkdir } from 'node:fs/promises';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { DuckError, toDuckError } from './duck-error';
import { type DuckParameter, type DuckRow, fields, toDuck } from './values';

export interface DuckOptions {
  /** Memory DuckDB may take, in MiB. Default 512. */
  readonly memoryLimitMb?: number;
  /** Threads DuckDB may use. Default 2. */
  readonly threads?: number;
  /** Folder to spill to; without it nothing spills and large sorts fail as out of memory. */
  readonly tempDirectory?: string;
  /** Most bytes that may be spilled. Default 4 GiB. */
  readonly spillBytesMax?: number;
  /**
   * Statements that may run at once; further ones wait. Default 3: each occupies one of libuv's four threads
   * (UV_THREADPOOL_SIZE), and file work needs one too.
   */
  readonly connectionsMax?: number;
}

export interface QueryOptions {
  /** The statement is interrupted after this time. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One connection, used by one caller at a time. Temporary tables and settings made on it are the caller's to undo. */
export interface DuckConnection {
  /** Runs one or more statements; rows of the last. Throws `DuckError`. */
  query(sql: string, parameters?: readonly DuckParameter[], options?: QueryOptions): Promise<DuckRow[]>;
}

export interface Duck extends DuckConnection {
  /** Lends a connection for the time of `task`. Do not ask for another one inside it: the pool is bounded. */
  use<T>(task: (connection: DuckConnection) => Promise<T>): Promise<T>;
  /** A connection of the caller's own, outside the pool. */
  connect(): Promise<DuckConnection & { close(): void }>;
  close(): Promise<void>;
}

/** DuckDB looks for an interrupt while it runs and forgets one that came before: so it is repeated until the end. */
const INTERRUPT_EVERY_MS = 20;

/**
 * Opens a DuckDB in memory, for reading and writing Parquet. One a process: its limits are the process's limits. Time
 * zone is UTC on every connection, no extension is ever downloaded, and a partitioned COPY writes one file a partition
 * up to 1,000 partitions.
 */
export async function openDuck(options: DuckOptions = {}): Promise<Duck> {
  if (options.tempDirectory) await mkdir(options.tempDirectory, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads ?? 2),
    memory_limit: `${options.memoryLimitMb ?? 512}MiB`,
    temp_directory: options.tempDirectory ?? '',
    max_temp_directory_size: `${options.spillBytesMax ?? 4 * 2 ** 30}B`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  }).catch((error: unknown) => Promise.reject(toDuckError(error)));

  const setUp = await instance.connect();
  // DATE of a timestamp and the text of a TIMESTAMPTZ follow the session's zone.
  await setUp.run("SET GLOBAL TimeZone = 'UTC'");
  // Beyond this many open files DuckDB closes one and later starts a second file for its partition; the default is 100.
  await setUp.run('SET GLOBAL partitioned_write_max_open_files = 1000');
  setUp.closeSync();

  const connectionsMax = options.connectionsMax ?? 3;
  const idle: DuckDBConnection[] = [];
  const waiting: (() => void)[] = [];
  let lent = 0;
  let closed = false;

  async function borrow(): Promise<DuckDBConnection> {
    if (lent >= connectionsMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else lent++;
    if (closed) {
      giveBack(null);
      throw new DuckError('DUCK_CLOSED', 'DuckDB is closed');
    }
    try {
      return idle.pop() ?? (await instance.connect());
    } catch (error) {
      giveBack(null);
      throw toDuckError(error);
    }
  }

  /** A waiter takes over the place of the one that ends: the count stays. */
  function giveBack(connection: DuckDBConnection | null): void {
    if (connection) {
      if (closed) connection.closeSync();
      else idle.push(connection);
    }
    const next = waiting.shift();
    if (next) next();
    else lent--;
    if (closed && lent === 0) closeInstance();
  }

  let whenClosed: (() => void) | null = null;
  function closeInstance(): void {
    for (const connection of idle.splice(0)) connection.closeSync();
    if (whenClosed) instance.closeSync();
    whenClosed?.();
    whenClosed = null;
  }

  async function use<T>(task: (connection: DuckConnection) => Promise<T>): Promise<T> {
    const connection = await borrow();
    try {
      return await task(wrap(connection));
    } finally {
      giveBack(connection);
    }
  }

  return {
    use,
    query: (sql, parameters, queryOptions) => use((connection) => connection.query(sql, parameters, queryOptions)),
    async connect() {
      if (closed) throw new DuckError('DUCK_CLOSED', 'DuckDB is closed');
      const connection = await instance.connect();
      return { ...wrap(connection), close: () => connection.closeSync() };
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      const ended = new Promise<void>((resolve) => (whenClosed = resolve));
      if (lent === 0) closeInstance();
      await ended;
    },
  };
}

function wrap(connection: DuckDBConnection): DuckConnection {
  return {
    async query(sql, parameters, options = {}): Promise<DuckRow[]> {
      if (options.signal?.aborted) throw new DuckError('DUCK_CANCELLED', 'cancelled before it began');
      const ended = new AbortController();
      const stopped = stopWhenAsked(connection, options, ended.signal);
      try {
        const bound = parameters?.length ? toDuck(parameters) : undefined;
        const reader = await connection.runAndReadAll(sql, bound?.values, bound?.types);
        const names = reader.deduplicatedColumnNames();
        return reader.getRows().map((row) => fields(row.map((value, i) => [names[i], value])));
      } catch (error) {
        const known = toDuckError(error);
        const why = stopped.reason;
        throw known.code === 'DUCK_CANCELLED' && why === 'DUCK_TIMEOUT'
          ? new DuckError(why, `stopped after ${options.timeoutMs} ms`, { cause: known })
          : known;
      } finally {
        ended.abort();
      }
    },
  };
}

/** Interrupts the connection once the time is over or the signal comes, until `ended`. */
function stopWhenAsked(
  connection: DuckDBConnection,
  options: QueryOptions,
  ended: AbortSignal,
): { reason: 'DUCK_TIMEOUT' | 'DUCK_CANCELLED' | null } {
  const state: { reason: 'DUCK_TIMEOUT' | 'DUCK_CANCELLED' | null } = { reason: null };
  const timers: NodeJS.Timeout[] = [];
  const stop = (reason: 'DUCK_TIMEOUT' | 'DUCK_CANCELLED'): void => {
    if (state.reason !== null || ended.aborted) return;
    state.reason = reason;
    connection.interrupt();
    timers.push(setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS));
  };
  if (options.timeoutMs !== undefined) timers.push(setTimeout(() => stop('DUCK_TIMEOUT'), options.timeoutMs));
  const onAbort = (): void => stop('DUCK_CANCELLED');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  ended.addEventListener(
    'abort',
    () => {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    },
    { once: true },
  );
  return state;
}
