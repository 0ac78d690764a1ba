import { type Clock, currentTraceparent, systemClock } from '@millrace/observability';
import { createPool, isUnavailable, type Pool, quoteIdentifier } from '@millrace/postgres';
import { allowlist, checkTask } from '../check-task';
import { type Task, type Tasks, TasksError } from '../port';
import { SCHEMA } from './migrate-tasks';
import { keyOf, payloadOf } from './payload';

export interface PostgresTasksOptions {
  /** Where tasks may go, e.g. `http://127.0.0.1:8084`. */
  readonly origins: readonly string[];
  /** One of both. A pool that is given stays open when the client closes. */
  readonly pool?: Pool;
  readonly url?: string;
  readonly schema?: string;
  readonly clock?: Clock;
}

/**
 * Enqueues into Postgres; `createPostgresTaskRunner` delivers. A lost connection is TASKS_UNAVAILABLE although the task
 * may have been stored: enqueued again, a named one is `exists`, one without a name comes twice.
 */
export function createPostgresTasks(options: PostgresTasksOptions): Tasks {
  const { schema = SCHEMA, clock = systemClock } = options;
  const origins = allowlist(options.origins);
  const own = options.pool ? undefined : createPool({ url: options.url ?? '', max: 4, applicationName: 'tasks' });
  const pool = options.pool ?? (own as Pool);
  const statement = {
    name: `enqueue ${schema}`,
    text: `SELECT ${quoteIdentifier(schema)}.enqueue($1, $2, greatest(now(), $3), $4, $5) AS enqueued`,
  };
  let closed = false;
  return {
    async enqueue(task: Task): Promise<'enqueued' | 'exists'> {
      if (closed) throw new TasksError('TASKS_CLOSED', 'the tasks client is closed');
      const checked = checkTask(task, origins, clock.now());
      const traceparent = currentTraceparent();
      const payload = { ...payloadOf(checked), headers: { ...(traceparent && { traceparent }), ...checked.headers } };
      const values = [
        checked.queue,
        JSON.stringify(payload),
        checked.scheduleAt ?? null,
        checked.attemptsMax,
        keyOf(checked),
      ];
      try {
        const { rows } = await pool.query({ ...statement, values });
        return rows[0].enqueued ? 'enqueued' : 'exists';
      } catch (cause) {
        if (isUnavailable(cause))
          throw new TasksError('TASKS_UNAVAILABLE', 'the task queue cannot be reached', { cause });
        throw cause;
      }
    },
    async close(): Promise<void> {
      closed = true;
      await own?.end();
    },
  };
}
