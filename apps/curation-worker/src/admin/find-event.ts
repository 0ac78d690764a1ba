import { type EventView, ofLog } from './event-view';

export interface FindEventDeps {
  readonly landed: (tenant: string, id: string) => Promise<EventView | null>;
  /** What waits, is in quarantine, or was healed. */
  readonly failed: (tenant: string, id: string) => Promise<EventView | null>;
  /** Ends of the log's partitions, and how far they have landed. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  readonly positions: () => Promise<ReadonlyMap<string, number>>;
  /** Whether the log holds the tenant's event between two positions; null when that was too much to look at. */
  readonly inTail: (
    tenant: string,
    id: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ) => Promise<boolean | null>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly waitMsMax: number;
}

const LOOK_EVERY_MS = 100;

/**
 * A tenant's event, wherever it is. An unknown id is waited for until everything that was in the log at the question has
 * landed, `waitMsMax` at most; then what is in the log is pending. `behind`: it may be in what could not be looked at.
 */
export async function findEvent(deps: FindEventDeps, tenant: string, id: string): Promise<EventView | null | 'behind'> {
  const look = async (): Promise<EventView | null> => (await deps.landed(tenant, id)) ?? deps.failed(tenant, id);
  const found = await look();
  if (found) return found;
  const ends = await deps.ends();
  const deadlineMs = deps.now() + deps.waitMsMax;
  for (;;) {
    const positions = await deps.positions();
    if ([...ends].every(([partition, end]) => (positions.get(partition) ?? 0) >= end)) return look();
    if (deps.now() >= deadlineMs) {
      const late = await look();
      if (late) return late;
      const inTail = await deps.inTail(tenant, id, positions, ends);
      return inTail ? ofLog(id, new Date(deps.now()).toISOString()) : 'behind';
    }
    await deps.sleep(LOOK_EVERY_MS);
  }
}
