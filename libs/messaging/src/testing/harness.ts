import type { Messaging } from '../port';

/** One broker, and processes that use it. Made anew for each test. */
export interface ConformanceHarness {
  /** Another process's view of the broker. With `patient`, its leases (or what stands for them) last half a minute. */
  open(options?: { readonly patient?: boolean }): Promise<Messaging>;
  /** Stops one as kill -9 would. */
  crash(messaging: Messaging): Promise<void>;
  /** Closes whatever is still open and removes the broker's data. */
  close(): Promise<void>;
}

/** What an engine can do beyond the least that the port promises. Its suite leaves out what it cannot. */
export interface ConformanceCapabilities {
  /** Records have offsets: gap-free, in order, and asked for by `onAssigned`, `ends` and `committed`. */
  readonly positions: boolean;
  /** A repeated append id stores nothing. */
  readonly idempotentAppends: boolean;
  /** Partitions are shared among the members of a group by leases. */
  readonly partitionedGroups: boolean;
  /** Limits of bytes are enforced, and `trim` removes what they allow. */
  readonly bounded: boolean;
  /** A stored batch keeps its header and its bounds. */
  readonly batchHeaders: boolean;
  /** What a dead member held is delivered to another within this time. */
  readonly takeoverMs: number;
}

export const FULLY_CAPABLE: ConformanceCapabilities = {
  positions: true,
  idempotentAppends: true,
  partitionedGroups: true,
  bounded: true,
  batchHeaders: true,
  takeoverMs: 30_000,
};
