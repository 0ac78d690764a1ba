import { type Random, systemRandom } from '@millrace/observability';
import type { Pool, PoolClient, QueryResult } from 'pg';
import { isConflict, isStatementError, PostgresError } from './errors';

export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

export interface TransactionRetry {
  /** Runs in all, the first included (default 5). */
  readonly attemptsMax?: number;
  /** The first wait is a random part of this, and it doubles with each attempt up to 1,000 ms (default 10). */
  readonly backoffMsMin?: number;
  readonly random?: Random;
}

export interface TransactionOptions {
  /** Default: the database's own, read committed. */
  readonly isolation?: Isolation;
  readonly readOnly?: boolean;
  /** Run `fn` again after a serialization failure or a deadlock (default: no). `fn` must then be repeatable. */
  readonly retry?: boolean | TransactionRetry;
}

const BACKOFF_MS_MAX = 1_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs `fn` in a transaction of its own connection, commits when it resolves and rolls back when it throws.
 *
 * The error of `fn` is thrown as it is. A connection lost during COMMIT throws `POSTGRES_UNKNOWN_OUTCOME` (see
 * `isUnknownOutcome`): it is never retried here, for the first run may have happened. A failure that `fn` swallowed
 * throws `POSTGRES_ROLLED_BACK` instead of pretending success.
 */
export async function transaction<T>(
  pool: Pool,
  fn: (client: PoolClient) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const retry: TransactionRetry = options.retry === true ? {} : options.retry || { attemptsMax: 1 };
  const attemptsMax = retry.attemptsMax ?? 5;
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, fn, options);
    } catch (error) {
      if (attempt >= attemptsMax || !isConflict(error)) throw error;
      const ceiling = Math.min((retry.backoffMsMin ?? 10) * 2 ** (attempt - 1), BACKOFF_MS_MAX);
      await sleep(ceiling * (retry.random ?? systemRandom).next());
    }
  }
}

async function once<T>(pool: Pool, fn: (client: PoolClient) => Promise<T>, options: TransactionOptions): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin(options));
    const result = await fn(client);
    await commit(client);
    return result;
  } catch (error) {
    if (error instanceof PostgresError && error.code === 'POSTGRES_UNKNOWN_OUTCOME') broken = error;
    // After a rolled back COMMIT there is no transaction left: ROLLBACK is then only a warning of the server.
    else
      broken = await client.query('ROLLBACK').then(
        () => undefined,
        (failure: Error) => failure,
      );
    throw error;
  } finally {
    client.release(broken);
  }
}

function begin({ isolation, readOnly }: TransactionOptions): string {
  const modes = [isolation && `ISOLATION LEVEL ${isolation.toUpperCase()}`, readOnly && 'READ ONLY'].filter(Boolean);
  return `BEGIN ${modes.join(', ')}`.trimEnd();
}

/**
 * Commits, telling a refusal (the server's error, as it is) from a connection that broke on the way
 * (`POSTGRES_UNKNOWN_OUTCOME`) and from a transaction that had already failed (`POSTGRES_ROLLED_BACK`).
 *
 * `last` is SQL without parameters that travels in the same message as COMMIT, so that a lock it takes is held for no
 * round trip; when it raises, nothing is committed and the caller must ROLLBACK. Returns the results of `last`.
 */
export async function commit(client: PoolClient, last?: string): Promise<QueryResult[]> {
  let results: QueryResult[];
  try {
    const answer: QueryResult | QueryResult[] = await client.query(last ? `${last};\nCOMMIT` : 'COMMIT');
    results = Array.isArray(answer) ? answer : [answer];
  } catch (error) {
    if (isStatementError(error)) throw error;
    throw new PostgresError(
      'POSTGRES_UNKNOWN_OUTCOME',
      `the connection was lost during COMMIT: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  if (results.at(-1)?.command !== 'COMMIT') {
    throw new PostgresError(
      'POSTGRES_ROLLED_BACK',
      'COMMIT was answered by ROLLBACK: an earlier statement of the transaction had failed',
    );
  }
  return results.slice(0, -1);
}
