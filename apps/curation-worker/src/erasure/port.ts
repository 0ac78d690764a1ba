import type { ErasedRows } from '@millrace/topics';
import type { ErasureReport } from './report';

/**
 * What becomes of the rows of a subject: `delete` removes them from the tables, from former versions of these and from
 * marts; `keep` leaves them, with tokens that are nobody's any more and with whatever no contract classifies.
 */
export const ROWS = ['delete', 'keep'] as const;
export type Rows = (typeof ROWS)[number];

/**
 * - `draining`: what was in the log at the request is still landing; it can be cancelled
 * - `deleting`: the key is destroyed; table-manager deletes rows
 * - `verifying`: what is left is searched for
 * - `failed`: something was found that is still to be read; the report says where
 */
export type ErasureStatus = 'draining' | 'deleting' | 'verifying' | 'done' | 'failed' | 'cancelled';

export interface NewErasure {
  readonly tenant: string;
  /** What subjects of this sort are called. */
  readonly kind: string;
  /** Keyed hash of the subject: 64 hex digits. Nothing else says who it is. */
  readonly lookup: string;
  readonly rows: Rows;
  readonly requestedBy: string;
  /** End of each partition of the log at the request. */
  readonly ends: ReadonlyMap<string, number>;
}

export interface Erasure extends Omit<NewErasure, 'lookup'> {
  /** UUID. */
  readonly id: string;
  readonly status: ErasureStatus;
  readonly requestedAt: Date;
  /** Names of the keys that were destroyed, as tokens and sealed bytes have them. */
  readonly keys: readonly string[];
  /** All landings work under at least this keys epoch; null while the key is there. */
  readonly keysEpoch: number | null;
  /** No batch after this number landed under the keys. */
  readonly number: number | null;
  readonly destroyedAt: Date | null;
  /** What table-manager has deleted, so far. */
  readonly deleted: ErasedRows | null;
  /** Whether it has deleted all of it. */
  readonly isDeleted: boolean;
  /** What it waits for, for people. */
  readonly waitingFor: string | null;
  readonly report: ErasureReport | null;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
}

/** An erasure that this process goes on with. */
export interface ClaimedErasure extends Erasure {
  /** How far the search has come; null before its first step. */
  readonly state: unknown;
  /** Of this run. */
  readonly epoch: number;
}

/**
 * Erasures and what they ask of the service's own tables. Every method may be called by several workers at once: of those
 * that run an erasure only the newest one's calls change anything, and say so.
 */
export interface ErasureStore {
  /** Null where the subject is being erased already: the id of that is returned in its place. */
  create(erasure: NewErasure): Promise<{ readonly erasure: Erasure } | { readonly open: string }>;
  get(tenant: string, id: string): Promise<Erasure | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<readonly Erasure[]>;
  /** Ends an erasure whose key is still there. Null where there is none. */
  cancel(tenant: string, id: string, by: string): Promise<Erasure | null>;

  /** The oldest erasure that is open, nobody's, and not resting. */
  claim(leaseMs: number): Promise<ClaimedErasure | null>;
  /** It is still being worked on. */
  prolong(erasure: ClaimedErasure, leaseMs: number): Promise<void>;
  /** Gives it back, to be gone on with after a while. */
  rest(erasure: ClaimedErasure, restMs: number, waitingFor: string | null): Promise<void>;
  /**
   * Destroys the subject's key and its lookup, moves the keys epoch on, and asks for the rows' deletion where that is
   * wanted; all at once, and once. False when somebody else has it, or it was cancelled.
   */
  destroy(erasure: ClaimedErasure): Promise<boolean>;
  /** Begins the search. */
  verify(erasure: ClaimedErasure): Promise<boolean>;
  save(erasure: ClaimedErasure, state: unknown, leaseMs: number): Promise<boolean>;
  finish(erasure: ClaimedErasure, report: ErasureReport): Promise<boolean>;

  /** How far curation is in each partition of the log. */
  positions(): Promise<ReadonlyMap<string, number>>;
  /** Runs of workers that may still have keys of an older epoch in memory. */
  behind(keysEpoch: number): Promise<number>;
  /** How many items are in quarantine and wait under these keys. */
  sealed(keys: readonly string[]): Promise<{ readonly quarantined: number; readonly waiting: number }>;
  /** How many of a tenant's items are sealed under daily keys, for they name nobody, and the last of those days. */
  unnamed(tenant: string): Promise<{ readonly items: number; readonly lastDay: string | null }>;
  /** Items under these keys after an id, in its order. */
  sealedItems(
    from: 'quarantine' | 'waiting',
    keys: readonly string[],
    after: number,
    limit: number,
  ): Promise<readonly { readonly id: number; readonly sealedBy: string; readonly raw: Buffer }[]>;
}
