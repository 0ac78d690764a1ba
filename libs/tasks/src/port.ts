/**
 * The tasks port: deliver an HTTP call at or after a time, with retries.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - A task that was accepted is delivered at least once, also across kill -9 of any process, until the target answers
 *   2xx or `attemptsMax` is reached. Handlers must compare-and-set their own state: a task may arrive twice, at once.
 * - A named task is accepted once for as long as it is queued or running (Cloud Tasks: and an hour after). Names save
 *   work, they are no lock.
 * - Retries back off exponentially with jitter between `backoffMs.min` and `backoffMs.max`.
 */
export interface Task {
  /** Calls of one queue share its rate and concurrency. */
  readonly queue: string;
  /** 1-500 characters of `[A-Za-z0-9_-]`. */
  readonly name?: string;
  readonly url: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Deliver at or after this time (default now; at most 30 days ahead). */
  readonly scheduleAt?: Date;
  /** Attempts in all (default 10). */
  readonly attemptsMax?: number;
  /** Default 1,000 and 300,000 ms. */
  readonly backoffMs?: { readonly min: number; readonly max: number };
  /** An attempt is abandoned, and counted as failed, after this long (default 60,000 ms). */
  readonly timeoutMs?: number;
}

export interface Tasks {
  /** `exists` when a task of that name is queued or running. */
  enqueue(task: Task): Promise<'enqueued' | 'exists'>;
  close(): Promise<void>;
}

/** Delivers tasks: embedded engines run one in a service of their own choosing; Cloud Tasks delivers by itself. */
export interface TaskRunner {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export type TasksErrorCode = 'TASKS_UNAVAILABLE' | 'TASKS_BAD_TASK' | 'TASKS_CLOSED';

export class TasksError extends Error {
  readonly canRetry: boolean;
  constructor(
    readonly code: TasksErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'TasksError';
    this.canRetry = code === 'TASKS_UNAVAILABLE';
  }
}
