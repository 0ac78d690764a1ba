import type { Delivered } from '../delivery';
import type { TaskRunner, Tasks } from '../port';

export interface UnderTestOptions {
  readonly origins: readonly string[];
  /** By queue. */
  readonly concurrency: Readonly<Record<string, number>>;
  /** How long `stop` waits for attempts under way. */
  readonly drainMsMax: number;
  readonly onDelivered: (delivered: Delivered) => void;
}

export interface TasksUnderTest {
  readonly tasks: Tasks;
  /** A runner over the same store, not started; the one before it has stopped. */
  runner(): TaskRunner;
  /** How late a retry or a scheduled task may start. */
  readonly latenessMs: number;
  dispose(): Promise<void>;
}
