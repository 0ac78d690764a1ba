import { Pool, type PoolConfig } from 'pg';

export type { Pool, PoolClient } from 'pg';

export interface PoolOptions {
  /** `postgresql://user:password@host:port/database` */
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** The server cancels a statement after this long (default: never). */
  readonly statementTimeoutMs?: number;
  /** The server ends a session that idles inside a transaction, and with it the transaction's locks (default 30,000). */
  readonly idleInTransactionTimeoutMs?: number;
  /** The server cancels a statement that waits for one lock this long (default: never). */
  readonly lockTimeoutMs?: number;
  /** Waiting for a free or a new connection, at most (default 5,000). */
  readonly connectTimeoutMs?: number;
  /** An unused connection is closed after this long (default 60,000). */
  readonly idleTimeoutMs?: number;
  /** Lets the process end while connections idle (default false). */
  readonly allowExitOnIdle?: boolean;
  /** Settings of each session, by name: they win over those of the role and the database. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Sends queries of one client without waiting for the answers of those before (default false; excludes COPY). */
  readonly pipeline?: boolean;
  /** Told of connections that broke while nobody used them. The pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

/** Both ends probe: the client so that it notices a vanished server, the server so that a vanished client's locks go. */
const KEEPALIVE_MS = 10_000;

/**
 * A pg pool that outlives its server: a connection that breaks, idle or checked out, never ends the process; the next
 * query gets a fresh one. Values keep pg's defaults, so `bigint` and `numeric` arrive as exact strings.
 */
export function createPool(options: PoolOptions): Pool {
  const settings: string[] = [
    `-c tcp_keepalives_idle=${KEEPALIVE_MS / 1_000}`,
    `-c tcp_keepalives_interval=5`,
    `-c tcp_keepalives_count=3`,
    ...Object.entries(options.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`),
  ];
  const config: PoolConfig = {
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 30_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: options.idleTimeoutMs ?? 60_000,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    options: settings.join(' '),
  };
  if (options.statementTimeoutMs !== undefined) config.statement_timeout = options.statementTimeoutMs;
  if (options.lockTimeoutMs !== undefined) config.lock_timeout = options.lockTimeoutMs;
  if (options.pipeline) (config as { pipeline?: boolean }).pipeline = true;
  const pool = new Pool(config);
  pool.on('error', (error) => options.onIdleError?.(error));
  // While a client is checked out the pool does not listen to it: without this listener a connection that breaks
  // between two queries of a transaction would end the process. The next query on it fails by itself.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
