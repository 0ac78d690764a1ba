import { isConflict, isUnavailable } from '@millrace/postgres';
import { MessagingError } from '../port';

/** Whether the server itself answered that this statement failed: then nothing of it remains. */
export function isRefusal(error: unknown): boolean {
  return (error as { severity?: unknown } | null)?.severity === 'ERROR';
}

const code = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** The statement ran into `statement_timeout` or `lock_timeout`, and was rolled back. */
const timedOut = (error: unknown): boolean => code(error) === '57014' || code(error) === '55P03';

/** What `log.append` raises. */
export const isFull = (error: unknown): boolean => code(error) === 'ML001';
export const isStalePlacement = (error: unknown): boolean => code(error) === 'ML002' || code(error) === 'ML003';

/**
 * The port's error for one of Postgres.
 *
 * A statement that was sent and that the server did not refuse may have happened: `MESSAGING_UNKNOWN`. That includes a
 * session ended by the server (severity FATAL), which may come between commit and answer. Anything that is neither
 * away nor busy is a mistake or a corruption and stays as it is.
 */
export function asMessagingError(error: unknown, sent: boolean): unknown {
  if (error instanceof MessagingError) return error;
  const away = isUnavailable(error);
  const message = error instanceof Error ? error.message : String(error);
  if (sent && away && !isRefusal(error)) {
    return new MessagingError('MESSAGING_UNKNOWN', `the connection to the log was lost: ${message}`, { cause: error });
  }
  if (away || timedOut(error) || isConflict(error)) {
    return new MessagingError('MESSAGING_UNAVAILABLE', `the log cannot be reached: ${message}`, { cause: error });
  }
  return error;
}
