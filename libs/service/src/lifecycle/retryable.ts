/** Failures of the network, as Node names them. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** SQLSTATEs of a server that is shutting down, starting or out of connections, memory or disk; 08 is the connection. */
const SQLSTATE = /^(08...|53...|57P0[1-5])$/;

/** Prisma: server away, timed out, connection closed or none free in the pool; the kinds are its driver adapters'. */
const PRISMA = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024']);
const ADAPTER_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);

/** pg tells of a lost connection by words alone. */
const LOST_CONNECTION = /^(Connection terminated|timeout expired|timeout exceeded when trying to connect)/;

/**
 * Whether trying again can help: a coded error says so itself (`canRetry`); the errors of sockets, Postgres and Prisma
 * are known by their codes. An AggregateError (a host of several addresses) passes if all of its errors do.
 */
export function isRetryable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 8) return false;
  const { canRetry, code, kind, originalCode, message, cause, errors, meta } = error as Record<string, unknown>;
  if (typeof canRetry === 'boolean') return canRetry;
  if (Array.isArray(errors) && errors.length > 0) return errors.every((inner) => isRetryable(inner, depth + 1));
  for (const name of [code, originalCode]) {
    if (typeof name === 'string' && (NETWORK.has(name) || PRISMA.has(name) || SQLSTATE.test(name))) return true;
  }
  if (typeof kind === 'string' && ADAPTER_KINDS.has(kind)) return true;
  if (typeof message === 'string' && LOST_CONNECTION.test(message)) return true;
  const adapterError = (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError;
  return isRetryable(cause, depth + 1) || isRetryable(adapterError, depth + 1);
}

/** One line for people: the code where there is one, and the message without line breaks, cut to 200 characters. */
export function reasonOf(error: unknown): string {
  const { code, message, errors } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  if (Array.isArray(errors) && errors.length > 0 && !message) return reasonOf(errors[0]);
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  const line = text.replace(/\s+/g, ' ').slice(0, 200);
  return typeof code === 'string' && !line.includes(code) ? `${code}: ${line}` : line;
}
