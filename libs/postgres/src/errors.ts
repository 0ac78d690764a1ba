export type PostgresErrorCode =
  /** The connection was lost while COMMIT was under way: the transaction may have happened. */
  | 'POSTGRES_UNKNOWN_OUTCOME'
  /** COMMIT was answered by a rollback, because a statement had failed and its error was swallowed. */
  | 'POSTGRES_ROLLED_BACK'
  | 'POSTGRES_BAD_VALUE'
  | 'POSTGRES_MIGRATION';

/** What this library itself has to say. Errors of the server and of the network pass through as they are. */
export class PostgresError extends Error {
  constructor(
    readonly code: PostgresErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'PostgresError';
  }
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
]);

/**
 * SQLSTATEs by which a server says "not now": shutdown, crash, start-up (57P0x), a former primary that has become
 * read-only (25006), a session ended for idling (25P03, 57P05), a failing disk (58030). Classes 08 (connection) and 53
 * (out of connections, memory, disk) count as a whole. https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const SERVER_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '25006', '25P03', '58030']);

/** pg reports a lost connection by message only. */
const CLIENT_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed and is not queryable|timeout (exceeded|expired) when trying to connect|timeout expired)/i;

interface Fault {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly severity?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/**
 * The error and everything under it: causes, and the members of the aggregate that a host of two addresses gives. By
 * shape, not by `instanceof`: errors of Node's own modules come from another realm where code runs in a vm context.
 */
function* chain(error: unknown, depth = 0): Generator<Fault> {
  if (typeof error !== 'object' || error === null || depth > 8) return;
  const fault: Fault = error;
  yield fault;
  yield* chain(fault.cause, depth + 1);
  if (Array.isArray(fault.errors)) for (const inner of fault.errors) yield* chain(inner, depth + 1);
}

/** Whether waiting and trying again may help: Postgres is away, starting, full, or the way to it is cut. */
export function isUnavailable(error: unknown): boolean {
  for (const { code, message } of chain(error)) {
    if (typeof code === 'string') {
      if (NETWORK_CODES.has(code) || SERVER_STATES.has(code)) return true;
      if (code.length === 5 && (code.startsWith('08') || code.startsWith('53'))) return true;
    }
    if (typeof message === 'string' && CLIENT_MESSAGES.test(message)) return true;
  }
  return false;
}

/**
 * Whether the transaction may have been committed although it failed: its connection broke during COMMIT. Ask the
 * database, or redo the work under the same identity. A statement outside `transaction` is in that state whenever
 * `isUnavailable` holds for it and its connection had been open.
 */
export function isUnknownOutcome(error: unknown): boolean {
  for (const { code } of chain(error)) {
    if (code === 'POSTGRES_UNKNOWN_OUTCOME' || code === '08007' || code === '40003') return true;
  }
  return false;
}

/** A serialization failure or a deadlock: the transaction is rolled back and may be run again as it is. */
export function isConflict(error: unknown): boolean {
  for (const { code } of chain(error)) if (code === '40001' || code === '40P01') return true;
  return false;
}

/** The server's disk is full. */
export function isDiskFull(error: unknown): boolean {
  for (const { code } of chain(error)) if (code === '53100') return true;
  return false;
}

/** An answer of the server about the statement alone; anything else (FATAL, a broken socket) ended the session. */
export function isStatementError(error: unknown): boolean {
  return (error as Fault | null)?.severity === 'ERROR';
}
