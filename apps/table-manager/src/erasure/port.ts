import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { ErasureRequested } from '@millrace/topics';
import type { MartPartition } from '../commit/commit-store';

/**
 * - `requested`: batches up to its number are being committed
 * - `deleting`: it is known which rows go; tables lose them one by one
 * - `rebuilding`: no table that a catalog names has them; marts are built without them
 * - `sweeping`: files of former versions are still there, for readers that have not moved on
 */
export type TableErasureStatus = 'requested' | 'deleting' | 'rebuilding' | 'sweeping' | 'done';

/** What an erasure asks of the tables, and how far that is. */
export interface TableErasure {
  readonly id: string;
  readonly lineId: string;
  readonly keys: readonly string[];
  readonly number: number;
  readonly status: TableErasureStatus;
  /** Rows found before any was deleted, by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly martPartitions: Readonly<Record<string, readonly string[]>>;
  /** Since when no mart has them either, ms since 1970; null before that. */
  readonly rebuiltMs: number | null;
  readonly waitingFor: string | null;
}

/**
 * Erasures in the service's own schema. Each step is a change from one status to the next, which one of several processes
 * makes; what is told of it is in the outbox of its transaction.
 */
export interface TableErasureStore {
  /** One that is known already stays as it is. */
  request(erasure: ErasureRequested): Promise<void>;
  /** The oldest that is not done. */
  next(): Promise<TableErasure | null>;
  /** Notes what it waits for, and tells it where that is news. */
  waiting(erasure: TableErasure, waitingFor: string): Promise<void>;
  /** Before the first row goes: afterwards nobody could tell any more. */
  found(erasure: TableErasure, found: Pick<TableErasure, 'rows' | 'martPartitions'>): Promise<void>;
  /** Tables that a catalog names lack the rows: makes their marts' partitions stale, whatever is being built just now. */
  shown(erasure: TableErasure, message: OutboxEntry): Promise<void>;
  /** Of these partitions, how many are still to be built from the tables as they are: frozen ones stay as they are. */
  stale(partitions: readonly MartPartition[]): Promise<number>;
  rebuilt(erasure: TableErasure): Promise<void>;
  /** Nothing of it is left. */
  swept(erasure: TableErasure, files: number, bytes: number): Promise<void>;
}
