import type { Provider } from '@nestjs/common';
import type { Duck } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import { isInTail } from '@millrace/messaging/tail';
import type { Clock } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import { TOPICS } from '@millrace/topics';
import type { FindKey } from '../privacy/open-items';
import type { ReplayStore } from '../replay/port';
import type { Timers } from '../worker/timers';
import { FIND_EVENT, PENDING, REPLAY_ONE } from './admin.controller';
import { FailedEvents } from './failed-events';
import type { FindEventDeps } from './find-event';
import { LandedEvents } from './landed-events';
import { createIsEvent } from './is-event';
import { createPending } from './pending';
import type { ReplayOneDeps } from './replay-one';
import { EventTotals } from './totals';

export interface AdminParts {
  readonly pool: Pool;
  readonly storage: Storage;
  readonly duck: Duck;
  readonly messaging: Messaging;
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly replays: ReplayStore;
  readonly wake: () => void;
  /** Of events that wait sealed. */
  readonly findKey: FindKey;
}

export interface Admin {
  readonly failed: FailedEvents;
  readonly totals: EventTotals;
  readonly find: FindEventDeps;
  readonly replayOne: ReplayOneDeps;
  readonly pending: (tenant: string) => Promise<number>;
}

const TOPIC = TOPICS.eventsInbound.name;
const FIND_WAIT_MS_MAX = 5_000;
const REPLAY_WAIT_MS_MAX = 10_000;

/** What the admin endpoints are made of. */
export function createAdmin({
  pool,
  storage,
  duck,
  messaging,
  clock,
  timers,
  replays,
  wake,
  findKey,
}: AdminParts): Admin {
  const isEvent = createIsEvent(findKey);
  const failed = new FailedEvents(pool);
  const landed = new LandedEvents({ pool, storage, duck, clock });
  const positions = async (): Promise<ReadonlyMap<string, number>> => {
    const { rows } = await pool.query('SELECT partition, next FROM curation_worker.position WHERE topic = $1', [TOPIC]);
    return new Map((rows as { partition: string; next: string }[]).map((row) => [row.partition, Number(row.next)]));
  };
  const ends = (): Promise<ReadonlyMap<string, number>> => messaging.ends(TOPIC);
  // Durations: a clock that is set back must not make anybody wait for longer.
  const waits = { sleep: (ms: number) => timers.sleep(ms), now: () => performance.now() };
  const event = async (tenant: string, id: string) => (await landed.find(tenant, id)) ?? failed.find(tenant, id);
  return {
    failed,
    totals: new EventTotals(pool),
    find: {
      ...{ ends, positions, ...waits, waitMsMax: FIND_WAIT_MS_MAX },
      landed: (tenant, id) => landed.find(tenant, id),
      failed: (tenant, id) => failed.find(tenant, id),
      inTail: (tenant, id, from, to) =>
        isInTail({ ...{ messaging, topic: TOPIC, from, to }, matches: (record) => isEvent(record, tenant, id) }),
    },
    replayOne: { failed, replays, wake, event, ...waits, waitMsMax: REPLAY_WAIT_MS_MAX },
    pending: createPending({ messaging, topic: TOPIC, ends, positions }),
  };
}

export const adminProviders = (admin: Admin): Provider[] => [
  { provide: FailedEvents, useValue: admin.failed },
  { provide: EventTotals, useValue: admin.totals },
  { provide: FIND_EVENT, useValue: admin.find },
  { provide: REPLAY_ONE, useValue: admin.replayOne },
  { provide: PENDING, useValue: admin.pending },
];
