import { type Clock, currentTraceparent, type Random, systemClock, systemRandom } from '@millrace/observability';
import { backoffMs } from '../backoff';
import { allowlist, type CheckedTask, checkTask } from '../check-task';
import type { Deliver, Delivered } from '../delivery';
import { createHttpDelivery } from '../delivery/http';
import { type Task, type TaskRunner, type Tasks, TasksError } from '../port';

export interface MemoryTasksOptions {
  /** Where tasks may go, e.g. `http://127.0.0.1:8084`. */
  readonly origins: readonly string[];
  /** Attempts under way at once, by queue (default 8). */
  readonly concurrency?: Readonly<Record<string, number>>;
  /** Default: by HTTP. */
  readonly deliver?: Deliver;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly onDelivered?: (delivered: Delivered) => void;
}

export interface MemoryTasks extends Tasks, TaskRunner {
  /** Makes the attempts that are due and resolves when they are done: a simulation's own clockwork, instead of `start`. */
  runDue(): Promise<number>;
  /** Tasks that are queued or running. */
  readonly size: number;
}

interface Entry {
  readonly task: CheckedTask;
  readonly id: string;
  dueAt: number;
  attempts: number;
  running: boolean;
}

const CONCURRENCY = 8;
const WAKE_MS_MAX = 60_000;

/** The tasks port without a store: a task lives as long as this object. */
export function createMemoryTasks(options: MemoryTasksOptions): MemoryTasks {
  const { clock = systemClock, random = systemRandom } = options;
  const origins = allowlist(options.origins);
  const http = options.deliver ? undefined : createHttpDelivery({ origins });
  const deliver: Deliver = options.deliver ?? (http as { deliver: Deliver }).deliver;
  const entries = new Map<string, Entry>();
  const under = new Map<string, number>();
  const attempts = new Set<Promise<void>>();
  let sequence = 0;
  let closed = false;
  let started: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;

  const free = (queue: string): number => (options.concurrency?.[queue] ?? CONCURRENCY) - (under.get(queue) ?? 0);

  async function attempt(entry: Entry, signal: AbortSignal): Promise<void> {
    const { task, id } = entry;
    entry.running = true;
    under.set(task.queue, (under.get(task.queue) ?? 0) + 1);
    const began = clock.now();
    try {
      const result = await deliver({ ...task, name: task.name ?? id, attempt: ++entry.attempts }, signal);
      const outcome = result.ok ? 'delivered' : entry.attempts >= task.attemptsMax ? 'failed' : 'retry';
      if (outcome === 'retry') entry.dueAt = clock.now() + backoffMs(entry.attempts, task.backoffMs, random);
      else entries.delete(id);
      options.onDelivered?.({
        queue: task.queue,
        name: task.name ?? id,
        attempt: entry.attempts,
        outcome,
        status: result.status,
        detail: result.detail,
        durationMs: clock.now() - began,
      });
    } catch {
      // Cut off by stop: nobody knows what came of it, so it does not count.
      entry.attempts--;
    } finally {
      entry.running = false;
      under.set(task.queue, (under.get(task.queue) ?? 1) - 1);
    }
  }

  /** Begins what is due, oldest first, as far as the queues' concurrency allows. */
  function begin(signal: AbortSignal): Promise<void>[] {
    const due = [...entries.values()].filter(({ running, dueAt }) => !running && dueAt <= clock.now());
    due.sort((a, b) => a.dueAt - b.dueAt);
    const begun: Promise<void>[] = [];
    for (const entry of due) if (free(entry.task.queue) > 0) begun.push(attempt(entry, signal));
    return begun;
  }

  function wake(): void {
    clearTimeout(timer);
    if (!started) return;
    for (const promise of begin(started.signal)) {
      attempts.add(promise);
      void promise.finally(() => {
        attempts.delete(promise);
        wake();
      });
    }
    const waiting = [...entries.values()].filter(({ running, task }) => !running && free(task.queue) > 0);
    if (waiting.length === 0) return;
    const next = Math.min(...waiting.map(({ dueAt }) => dueAt)) - clock.now();
    timer = setTimeout(wake, Math.min(Math.max(next, 1), WAKE_MS_MAX));
  }

  return {
    async enqueue(task: Task): Promise<'enqueued' | 'exists'> {
      if (closed) throw new TasksError('TASKS_CLOSED', 'the tasks client is closed');
      const traceparent = currentTraceparent();
      const checked = checkTask(task, origins, clock.now());
      const id = checked.name === undefined ? `${checked.queue}/#${++sequence}` : `${checked.queue}/${checked.name}`;
      if (entries.has(id)) return 'exists';
      const headers = { ...(traceparent && { traceparent }), ...checked.headers };
      const dueAt = checked.scheduleAt?.getTime() ?? clock.now();
      entries.set(id, { task: { ...checked, headers }, id, dueAt, attempts: 0, running: false });
      wake();
      return 'enqueued';
    },
    async runDue(): Promise<number> {
      const begun = begin(new AbortController().signal);
      await Promise.all(begun);
      return begun.length;
    },
    async start(): Promise<void> {
      started ??= new AbortController();
      wake();
    },
    async stop(): Promise<void> {
      const stopping = started;
      started = undefined;
      clearTimeout(timer);
      stopping?.abort();
      await Promise.all(attempts);
    },
    async close(): Promise<void> {
      closed = true;
      http?.close();
    },
    get size(): number {
      return entries.size;
    },
  };
}
