import { type Pool, quoteIdentifier } from '@millrace/postgres';

export interface LeaseOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly leaseMs: number;
  readonly failedKeptMs: number;
}

/**
 * Tells the database which runners live, and gives the jobs of the dead back. All times are the database's, so no clock
 * of a runner matters. A runner that was only slow loses nothing but the right to record a failure: its success counts.
 */
export class Leases {
  private readonly schema: string;

  constructor(private readonly options: LeaseOptions) {
    this.schema = quoteIdentifier(options.schema);
  }

  async renew(ids: readonly string[]): Promise<void> {
    await this.options.pool.query(
      `INSERT INTO ${this.schema}.runner (id, seen_at) SELECT unnest($1::text[]), now()
       ON CONFLICT (id) DO UPDATE SET seen_at = now()`,
      [ids],
    );
  }

  /**
   * Unlocks jobs whose runner has not been seen for a lease. The attempt that was cut off may not have been made, so it
   * does not count: with it a task of one attempt could be lost. Resolves to the number of jobs.
   */
  async recover(): Promise<number> {
    const { rowCount } = await this.options.pool.query(
      `UPDATE ${this.schema}._private_jobs AS job SET locked_at = NULL, locked_by = NULL, attempts = greatest(0, attempts - 1)
       WHERE locked_at < now() - $1 * interval '1 millisecond' AND NOT EXISTS (
         SELECT FROM ${this.schema}.runner WHERE id = job.locked_by AND seen_at > now() - $1 * interval '1 millisecond')`,
      [this.options.leaseMs],
    );
    return rowCount ?? 0;
  }

  /**
   * Gives back what a living runner's pool holds by the database's account and not by its own: the answer to its claim
   * was lost with a connection. Long locked only: a claim whose answer is on its way, or a completion, is no loss.
   */
  async reclaim(id: string, held: readonly string[]): Promise<number> {
    const { rowCount } = await this.options.pool.query(
      `UPDATE ${this.schema}._private_jobs SET locked_at = NULL, locked_by = NULL, attempts = greatest(0, attempts - 1)
       WHERE locked_by = $1 AND id <> ALL ($2::bigint[]) AND locked_at < now() - $3 * interval '1 millisecond'`,
      [id, held, this.options.leaseMs],
    );
    return rowCount ?? 0;
  }

  /** Gives back at once what these runners still hold, and forgets them. For a stop in good order. */
  async surrender(ids: readonly string[]): Promise<void> {
    await this.options.pool.query(
      `WITH gone AS (DELETE FROM ${this.schema}.runner WHERE id = ANY ($1))
       UPDATE ${this.schema}._private_jobs SET locked_at = NULL, locked_by = NULL, attempts = greatest(0, attempts - 1)
       WHERE locked_by = ANY ($1)`,
      [ids],
    );
  }

  /** Deletes tasks that failed for good long ago, a bounded number at a time, and runners of other days. */
  async sweep(): Promise<void> {
    await this.options.pool.query(
      `WITH old AS (DELETE FROM ${this.schema}.runner WHERE seen_at < now() - interval '1 day')
       DELETE FROM ${this.schema}._private_jobs WHERE id IN (
         SELECT id FROM ${this.schema}._private_jobs
         WHERE attempts >= max_attempts AND locked_at IS NULL AND updated_at < now() - $1 * interval '1 millisecond' LIMIT 1000)`,
      [this.options.failedKeptMs],
    );
  }
}
