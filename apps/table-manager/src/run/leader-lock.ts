import type { Pool, PoolClient } from '@millrace/postgres';

/** Held by at most one session at a time; given back by `release`, and by the session's end. */
export interface LeaderLock {
  /** Null when another session holds it. */
  acquire(onEnd: () => void): Promise<LeaderSession | null>;
}

export interface LeaderSession {
  /** Rejects when the session is lost. */
  ping(): Promise<unknown>;
  /** Ends the session; after it `onEnd` is not called any more. */
  release(): void;
}

/** Arbitrary, the same in every table-manager of a database: "mill" and "rtbl" in ASCII. */
const LOCK = [0x6d696c6c, 0x7274626c] as const;

/** An advisory lock, which lives as long as its session. */
export const postgresLock = (pool: Pool): LeaderLock => ({
  acquire: async (onEnd) => {
    const client: PoolClient = await pool.connect();
    try {
      const { rows } = await client.query('SELECT pg_try_advisory_lock($1, $2) AS held', [...LOCK]);
      if (!rows[0].held) {
        client.release();
        return null;
      }
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
    client.once('end', onEnd);
    return {
      ping: () => client.query('SELECT 1'),
      release: () => {
        client.removeListener('end', onEnd);
        // Ending the session gives the lock back, whatever else may have gone wrong on it.
        client.release(true);
      },
    };
  },
});
