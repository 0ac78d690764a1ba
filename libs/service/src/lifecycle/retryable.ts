/** Network failures and Postgres states (SQLSTATE) that pass by themselves: the other side is away, starting or full. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '53300',
  '57P01',
  '57P02',
  '57P03',
]);

/**
 * Whether trying again can help: a coded error says so itself (`canRetry`), the errors of sockets and Postgres are
 * known by their codes. An AggregateError (connecting to several addresses) passes if all of its errors do.
 */
export function isRetryable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { canRetry, code, cause, errors } = error as Record<string, unknown>;
  if (typeof canRetry === 'boolean') return canRetry;
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isRetryable);
  if (typeof code === 'string' && PASSING.has(code)) return true;
  return cause !== undefined && cause !== error && isRetryable(cause);
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
