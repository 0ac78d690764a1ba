import type { ReplayStore } from '../replay/port';
import type { EventView } from './event-view';
import type { FailedEvents } from './failed-events';

export interface ReplayOneDeps {
  readonly failed: Pick<FailedEvents, 'openRows' | 'hurry' | 'find'>;
  readonly replays: Pick<ReplayStore, 'create' | 'get'>;
  readonly wake: () => void;
  /** The event as it is now. */
  readonly event: (tenant: string, id: string) => Promise<EventView | null>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  /** How long the answer waits for the outcome, ms. */
  readonly waitMsMax: number;
}

export interface Replayed {
  readonly success: boolean;
  readonly message: string;
  readonly event: EventView;
}

const LOOK_EVERY_MS = 50;
/** Rows of one id that are replayed together. */
const ROWS_MAX = 100;

/** Tries a failed event again, and waits for what comes of it. Null where no such event has failed. */
export async function replayOne(deps: ReplayOneDeps, tenant: string, id: string, by: string): Promise<Replayed | null> {
  const deadlineMs = deps.now() + deps.waitMsMax;
  const waitFor = async (over: () => Promise<boolean>): Promise<void> => {
    while (!(await over()) && deps.now() < deadlineMs) await deps.sleep(LOOK_EVERY_MS);
  };
  const before = await deps.failed.find(tenant, id);
  const ids = await deps.failed.openRows(tenant, id, ROWS_MAX);
  if (ids.length > 0) {
    const job = await deps.replays.create({ tenant, selection: { ids }, recipe: null, rate: 1_000, createdBy: by });
    deps.wake();
    await waitFor(async () => (await deps.replays.get(tenant, job.id))?.state !== 'running');
  } else if (await deps.failed.hurry(tenant, id)) {
    deps.wake();
    await waitFor(async () => {
      const now = await deps.failed.find(tenant, id);
      return now?.status !== 'PROCESSING' && now?.updatedAt !== before?.updatedAt;
    });
  } else return null;
  const event = await deps.event(tenant, id);
  if (!event) return null;
  const success = event.status === 'PROCESSED';
  return { success, message: messageOf(event, success), event };
}

function messageOf({ status, failureReason }: EventView, success: boolean): string {
  if (success) return 'The event was processed.';
  if (status === 'PROCESSING' || status === 'PENDING') return 'The event is being processed.';
  return `The event failed again: ${failureReason ?? 'for an unknown cause'}`;
}
