import type { Pool, PoolClient } from '@millrace/postgres';

/** Arbitrary, the same in every table-manager of a database: "mill" and "rtbl" in ASCII. */
const LOCK = [0x6d696c6c, 0x7274626c] as const;

/**
 * At most one table-manager of a database works at a time, by an advisory lock that lives as long as its session. It
 * keeps a second one from doing the same work; that nothing is committed twice does not rest on it.
 */
export class Leadership {
  private session: PoolClient | null = null;

  constructor(
    private readonly pool: Pool,
    private readonly onLost: () => void,
  ) {}

  get isLeader(): boolean {
    return this.session !== null;
  }

  /** Tries to become the leader; cheap when it is one already. */
  async acquire(): Promise<boolean> {
    if (this.session) return true;
    const client = await this.pool.connect();
    try {
      const { rows } = await client.query('SELECT pg_try_advisory_lock($1, $2) AS held', [...LOCK]);
      if (!rows[0].held) {
        client.release();
        return false;
      }
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
    this.session = client;
    client.once('end', () => {
      if (this.session !== client) return;
      this.session = null;
      client.release(true);
      this.onLost();
    });
    return true;
  }

  async release(): Promise<void> {
    const client = this.session;
    this.session = null;
    // Ending the session gives the lock back, whatever else may have gone wrong on it.
    client?.release(true);
  }
}
