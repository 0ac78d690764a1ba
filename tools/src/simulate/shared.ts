import { MemoryReadModels } from '@millrace/analytics-api/simulation';
import {
  MemoryKeyStore,
  MemoryLandedOutbox,
  MemoryLandingStore,
  MemoryReplayStore,
  MemoryTimeStore,
} from '@millrace/curation-worker/simulation';
import { MemoryIdempotencyStore } from '@millrace/ingest-gateway/simulation';
import { MemoryLog } from '@millrace/messaging/memory';
import type { MasterKeys } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import type { Storage } from '@millrace/storage';
import { MemoryCommitStore, type VacuumRecord, type VacuumRun } from '@millrace/table-manager/simulation';
import { GROUPS, type KpiWindowFired, TOPICS } from '@millrace/topics';
import type { Faults } from './faults';
import { sharedStorage } from './lake';
import { SharedLock } from './leader';
import type { Mutation } from './mutation';
import { HostClock } from './process';
import { EPOCH_MS, type World } from './world';

/** What outlives every process: the log, the databases, the storage, and their clocks. */
export interface Shared {
  readonly world: World;
  readonly mutation: Mutation | null;
  readonly faults: Faults;
  readonly databaseClock: HostClock;
  readonly log: MemoryLog;
  readonly storage: Storage;
  readonly master: MasterKeys;
  readonly subjectKeys: MemoryKeyStore;
  /** The day by which claims grow old, since 1970; it does not follow the clocks. */
  readonly calendar: { day: number };
  readonly landing: MemoryLandingStore;
  readonly landedOutbox: MemoryLandedOutbox;
  readonly replays: MemoryReplayStore;
  readonly time: MemoryTimeStore;
  /** What a consumer of kpi.windows keeps: of each window and key the firing with the highest revision. */
  readonly told: Map<string, KpiWindowFired>;
  readonly commits: MemoryCommitStore;
  readonly vacuumRecord: VacuumRecord;
  readonly lock: SharedLock;
  readonly readModels: MemoryReadModels;
  readonly keys: MemoryIdempotencyStore;
}

/** Somebody outside who follows the windows. */
export const WINDOWS_READER = { topic: TOPICS.kpiWindows.name, group: 'windows-reader' } as const;

/** Batches of the log younger than this are kept, whoever has read them. */
export const KEEP_MS = 60_000;

const DAY_MS = 86_400_000;

export function createShared(world: World, faults: Faults, mutation: Mutation | null): Shared {
  const databaseClock = new HostClock(world, EPOCH_MS);
  const log = new MemoryLog(databaseClock);
  for (const { name, partitions } of Object.values(TOPICS))
    log.ensureTopic(name, { partitions, retentionMs: KEEP_MS, bytesMax: 4 << 20 });
  for (const { topic, group } of [...Object.values(GROUPS), WINDOWS_READER])
    log.topic(topic).ensureGroup(group, 'earliest');
  const calendar = { day: Math.floor(EPOCH_MS / DAY_MS) };
  const landing = new MemoryLandingStore({ clock: databaseClock, today: () => calendar.day });
  return {
    ...{ world, faults, mutation, databaseClock, log, calendar, landing },
    master: createMemoryMasterKeys({ bytes: (n) => Buffer.alloc(n, 1) }),
    subjectKeys: new MemoryKeyStore(() => landing.bumpKeysEpoch()),
    storage: sharedStorage(() => EPOCH_MS + world.nowMs),
    landedOutbox: new MemoryLandedOutbox(landing),
    replays: new MemoryReplayStore(landing),
    time: new MemoryTimeStore(landing),
    told: new Map(),
    commits: new MemoryCommitStore(),
    vacuumRecord: memoryVacuumRecord(),
    lock: new SharedLock(),
    readModels: new MemoryReadModels(),
    keys: new MemoryIdempotencyStore({ clock: databaseClock, lockMs: 15_000, ttlMs: 86_400_000 }),
  };
}

function memoryVacuumRecord(): VacuumRecord {
  const runs = new Map<string, VacuumRun>();
  return {
    lastRun: async (table) => runs.get(table) ?? null,
    began: async (table, run) => void runs.set(table, run),
    done: async () => undefined,
  };
}
