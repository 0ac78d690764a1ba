import { type Pool, transaction } from '@millrace/postgres';
import { OneAtATime } from './one-at-a-time';
import type { Turns } from './registry-port';

/**
 * Turns by an advisory lock of the database, which ends with its transaction, and so with its process. Callers of one
 * process wait for each other before they ask for it: they never hold more than one connection.
 */
export class PostgresTurns implements Turns {
  private readonly queue = new OneAtATime();

  constructor(
    private readonly pool: Pool,
    /** Names what turns are taken at. */
    private readonly lock: string,
  ) {}

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.queue.run(() =>
      transaction(this.pool, async (client) => {
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [this.lock]);
        return work();
      }),
    );
  }
}
