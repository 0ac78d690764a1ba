import type { Logger } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2_000;
const NOTHING = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] };

/**
 * A pool whose statements wait for the database instead of failing.
 *
 * graphile-worker 0.17 takes a lost connection badly: a job's completion that fails is a rejection nobody handles, which
 * ends the process; a worker pool that starts while the database is away keeps its first failure for ever. Its running
 * statements are single and may all be repeated (they name the jobs and the lock they hold), so they are, until they
 * succeed. Only a claim whose answer was lost leaves something behind, jobs locked by us that we know nothing of:
 * `Leases.reclaim` finds those.
 */
export class PatientPool {
  private readonly leaving = new AbortController();
  private readonly client = { query: (statement: unknown) => this.ask(statement), release: () => undefined };

  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger | undefined,
  ) {}

  /** What graphile-worker uses of a pool: clients for statements, and a real one, by callback, to listen on. */
  asPool(): Pool {
    const connect = (callback?: unknown): unknown =>
      callback ? (this.pool.connect as (callback: unknown) => unknown)(callback) : Promise.resolve(this.client);
    return { connect } as unknown as Pool;
  }

  /** From now on what fails is answered by no rows: we are about to end, and a lease takes care of what is left. */
  leave(): void {
    this.leaving.abort();
  }

  private async ask(statement: unknown): Promise<unknown> {
    const { signal } = this.leaving;
    for (let attempt = 0; ; attempt++) {
      try {
        return await (this.pool.query as (statement: unknown) => Promise<unknown>)(statement);
      } catch (error) {
        if (signal.aborted) return NOTHING;
        if (attempt % 10 === 0) this.logger?.warn({ err: error, attempt }, 'the task queue does not answer; trying on');
        await pause(Math.min(RETRY_MS_MIN * 2 ** attempt, RETRY_MS_MAX), signal);
        if (signal.aborted) return NOTHING;
      }
    }
  }
}

/** Waits, unless or until `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
