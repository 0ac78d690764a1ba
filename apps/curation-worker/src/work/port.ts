import type { WorkJob, WorkProgress, WorkResult, WorkStatus } from '@millrace/topics';

/** A job that this process goes on with. */
export interface ClaimedJob {
  readonly id: string;
  readonly job: WorkJob;
  /** Where an earlier run left off; null at the beginning. */
  readonly state: unknown;
  /** Of this run. */
  readonly epoch: number;
  /** Runs since the state last moved, this one included. */
  readonly attempts: number;
}

/** What a run has come to. */
export interface Checkpoint {
  /** Undefined where only the lease is to be prolonged. */
  readonly state?: unknown;
  readonly status: WorkStatus;
  readonly progress: WorkProgress | null;
  readonly result: unknown;
  readonly error: string | null;
}

/**
 * Jobs that others asked for. Every method may be called by several workers at once: of those that run a job only the
 * newest one's checkpoints count.
 */
export interface WorkStore {
  /** A job that is known already, or was cancelled before it came, stays as it is. */
  request(id: string, job: WorkJob, by: string): Promise<void>;
  /** Ends a job: one that waits at once, one that runs at its next checkpoint, one that is still to come when it comes. */
  cancel(id: string, by: string): Promise<void>;
  /**
   * Of the jobs that nobody works on, one of the tenant for which the fewest are worked on; of several such tenants the one
   * that has waited the longest for its turn, and of its jobs the one that has.
   */
  claim(leaseMs: number): Promise<ClaimedJob | null>;
  /** Whether there are jobs that nobody works on. */
  othersWait(): Promise<boolean>;
  /** Saves, prolongs the lease, and says whether to go on: another may have the job by now, or it was cancelled. */
  save(id: string, epoch: number, checkpoint: Checkpoint, leaseMs: number): Promise<'go_on' | 'cancelled' | 'lost'>;
  /** Gives a job back before its lease ends, as when a process stops or others have their turn. */
  release(id: string, epoch: number): Promise<void>;
  /** What is to be told of jobs, at most so much. */
  untold(limit: number): Promise<readonly WorkResult[]>;
  told(id: string, revision: number): Promise<void>;
  /** Forgets ended jobs that are older than this. */
  forget(olderThanMs: number): Promise<number>;
}
