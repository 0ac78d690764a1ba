import type { CatalogContract } from '@millrace/contracts';
import { MemoryReadModels } from '@millrace/analytics-api/simulation';
import { createProjections } from '@millrace/analytics-api/simulation';
import {
  confirmTables,
  createCuration,
  createMemoryStager,
  type KeyStore,
  LandingError,
  type MemoryLandedOutbox,
  MemoryUpkeep,
} from '@millrace/curation-worker/simulation';
import {
  type CaptureHandler,
  ContractSource,
  createAppend,
  createCaptureHandlers,
  GroupCommit,
  type IdempotencyStore,
  IdempotencyUnavailable,
  InboundSeal,
  withAppendFailpoints,
} from '@millrace/ingest-gateway/simulation';
import type { Duck } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import { MessagingServer } from '@millrace/messaging/nest';
import { DailyKeys } from '@millrace/privacy';
import { createTableManager, Leadership } from '@millrace/table-manager/simulation';
import { GROUPS, type KpiWindows, type TablesChanged, TOPICS } from '@millrace/topics';
import { landedBeforeOf } from './claims';
import { landingOf } from './landing';
import { lockOf } from './leader';
import { jsonEngine, questionsOver, storageOf } from './lake';
import {
  mutatedAppend,
  mutatedCommits,
  mutatedSources,
  mutatedStorage,
  mutatedStrict,
  mutatedTime,
  mutatedUpkeep,
} from './mutants';
import { mend } from './operator';
import type { ErrorOf, SimProcess } from './process';
import { SOURCES } from './webhooks';
import { type Shared, WINDOWS_READER } from './shared';

const TOPIC = TOPICS.eventsInbound;
const DAY_MS = 86_400_000;
const landingError: ErrorOf = (method) =>
  new LandingError('LANDING_UNAVAILABLE', `the connection broke during ${method}`);
const databaseError: ErrorOf = (method) => new Error(`the connection broke during ${method}`);

export type Route = 'batch' | 'single' | 'push' | 'webhook';
export type Gateway = Readonly<Record<Route, CaptureHandler>>;

export function startGateway(process: SimProcess, shared: Shared): Gateway {
  const messaging = process.messaging(shared.log);
  const { clock, random } = process;
  const append = mutatedAppend(shared, process, createAppend(messaging, TOPIC.name, 'memory'));
  const storage = storageOf(process, shared.storage);
  const contracts = new ContractSource({
    storage,
    now: () => clock.now(),
    freshMsMax: 1_000,
    onError: () => undefined,
  });
  const soon = (fn: () => void): void => void process.after(0, fn);
  const seal = new InboundSeal({
    keys: new DailyKeys({ storage, clock, random, master: shared.master }),
    classify: () => contracts.classify(),
    ...{ random, soon },
  });
  process.every(30_000, () => void contracts.refresh());
  const groupCommit = new GroupCommit({
    seal: (items) => seal.seal(items),
    append: withAppendFailpoints(append, process.failpoint),
    partitions: Array.from({ length: TOPIC.partitions }, (_, i) => String(i)),
    limits: {
      ...{ lingerMsMax: 2, batchItemsMax: 2_000, batchBytesMax: 4 << 20, inFlightMax: 3, turnItems: 10 },
      ...{ queueBytesMax: 64 << 10, queueMsMax: 5_000, retryMsMax: 10_000 },
    },
    newId: () => random.uuid(),
    timers: {
      monotonicMs: () => process.monotonicMs(),
      after: (ms, fn) => process.after(ms, fn),
      soon,
    },
  });
  const keys: IdempotencyStore = process.over('keys', shared.keys, () => new IdempotencyUnavailable('keys are away'));
  return createCaptureHandlers({
    ...{ groupCommit, keys, clock, random, failpoint: process.failpoint, sources: mutatedSources(shared, SOURCES) },
    strictCheck: mutatedStrict(shared, () => contracts.strictCheck()),
  });
}

/** Handlers of control topics, as `@EventPattern` methods have them. */
function listen(
  process: SimProcess,
  messaging: Messaging,
  handlers: readonly [topic: string, group: string | null, handle: (message: unknown) => Promise<void>][],
): void {
  const { logger } = process;
  const server = new MessagingServer({
    messaging,
    timers: process,
    onError: (error, topic) => logger.warn({ error: error as Error }, `a message of ${topic} is handled again`),
  });
  for (const [topic, group, handle] of handlers) server.addHandler(topic, handle as never, true, { group });
  server.listen(() => undefined);
}

export function startCuration(process: SimProcess, shared: Shared): void {
  const { clock, random, logger } = process;
  const failpoint = process.failpoint;
  const messaging = process.messaging(shared.log);
  const storage = storageOf(process, shared.storage);
  const outbox: MemoryLandedOutbox = process.over('landing', shared.landedOutbox, databaseError);
  const upkeep = process.over('landing', mutatedUpkeep(shared, new MemoryUpkeep(shared.landing)), databaseError);
  const time = process.over('landing', mutatedTime(shared, process), databaseError, {
    outbox: process.over('landing', shared.time.outbox, databaseError),
  });
  const { worker, keeper, relay, windowsRelay, schedule, replays } = createCuration(
    {
      ...{ messaging, outbox, upkeep, time, storage, clock, random, logger, failpoint },
      store: landingOf(process, shared),
      stager: createMemoryStager({ storage, refuses: (row) => String(row['payload']).includes('"unstorable":true') }),
      compress: async (text) => text,
      landedBefore: landedBeforeOf(process, shared, storage),
      observe: () => undefined,
      timers: { sleep: (ms, signal) => process.sleep(ms, signal), every: (ms, fn) => process.every(ms, fn) },
      waits: process,
      pruneClaims: async () => undefined,
      pruneInbox: async () => undefined,
      replays: process.over('landing', shared.replays, databaseError),
      mend,
      privacy: {
        master: shared.master,
        keys: process.over<KeyStore>('landing', shared.subjectKeys, landingError),
        dailyKeepDays: 30,
      },
    },
    {
      member: process.service,
      ...{ eventsMax: 40, bytesMax: 1 << 20, lingerMs: 20, deliveriesMax: 4, landingsMax: 2, heartbeatMs: 5_000 },
      ...{ contractsEveryMs: 30_000, workerSilenceMsMax: 30_000, stagedKeepMs: 20_000 },
      retry: { attemptsMax: 3, waitMsMin: 500 },
      windows: {
        ...{ everyMs: 500, delayMs: 60_000, idleMs: 10_000, earlyEveryMs: 3_000, namesMax: 100 },
        keeps: { windowsMs: 35 * DAY_MS, sourcesMs: 35 * DAY_MS, lateMs: 400 * DAY_MS },
      },
    },
  );
  listen(process, messaging, [
    [
      TOPICS.tablesChanged.name,
      GROUPS.curationTables.group,
      async (message) => {
        await confirmTables(outbox, message as TablesChanged);
        await failpoint('progress-confirmed');
      },
    ],
    [TOPICS.contractsChanged.name, null, () => keeper.refresh()],
  ]);
  void relay.start();
  void windowsRelay.start();
  schedule.start();
  worker.start();
  replays.start();
}

/** No row is asked for in SQL here. */
const noDuck = { use: () => Promise.reject(new Error('there is no DuckDB here')) } as unknown as Duck;

export function startTableManager(
  process: SimProcess,
  shared: Shared,
  contracts: readonly CatalogContract[],
): Leadership {
  const { clock, logger } = process;
  const { outbox } = shared.commits;
  const storage = storageOf(process, mutatedStorage(shared, shared.storage));
  const store = process.over('tables', mutatedCommits(shared, process), databaseError, {
    outbox: process.over('tables', outbox, databaseError),
  });
  const manager = createTableManager(
    {
      ...{ storage, clock, contracts, store, duck: noDuck },
      observations: process.over('tables', shared.commits.observations, databaseError),
      messaging: process.messaging(shared.log),
      vacuumRecord: process.over('tables', shared.vacuumRecord, databaseError),
      questions: questionsOver(storage),
      monotonicMs: () => process.monotonicMs(),
      sleep: (ms, signal) => process.sleep(ms, signal),
      newId: () => process.random.uuid(),
      failpoint: process.failpoint,
      timers: process,
      tableOptions: {
        rows: jsonEngine(storage),
        checkpointInterval: 0,
        newId: () => process.random.uuid(),
        pause: (ms) => process.sleep(ms),
      },
    },
    {
      ...{
        commitEveryMs: 100,
        commitBatchesMax: 8,
        commitRowsMax: 200,
        martsEveryMs: 500,
        martPartitionsMax: 3,
        martRowsMax: 1_000_000,
      },
      inference: { unknownTypes: 'infer', inferAfterMs: 3_000, inferAfterEvents: 5, inferredContractsMax: 10 },
      ...{ compactEveryMs: 10_000, compactFilesMin: 4, targetFileBytes: 64 << 10, vacuumEveryMs: 60_000 },
    },
    { onError: (error, what) => logger.warn({ error: error as Error }, what) },
  );
  const leadership = new Leadership({
    lock: lockOf(process, shared),
    sleep: (ms, signal) => process.sleep(ms, signal),
    work: manager.work,
    ...{ retryMs: 1_000, heartbeatMs: 5_000 },
    onChange: (role) => process.world.trace(`${process.service} is ${role}`),
    onError: (error) => logger.warn({ error: error as Error }, 'could not lead'),
  });
  leadership.start();
  return leadership;
}

export function startAnalytics(process: SimProcess, shared: Shared): void {
  const { logger, failpoint } = process;
  const messaging = process.messaging(shared.log);
  const readModels: MemoryReadModels = process.over('models', shared.readModels, databaseError);
  const projections = createProjections({
    ...{ messaging, readModels, failpoint },
    onError: (error) => logger.warn({ error: error as Error }, 'a projection fell behind'),
    sleep: (ms) => process.sleep(ms),
  });
  listen(process, messaging, [
    [
      TOPICS.tablesChanged.name,
      GROUPS.analyticsTables.group,
      async (message) => {
        await readModels.recordCommit(message as TablesChanged);
        await failpoint('commit-recorded');
      },
    ],
    [WINDOWS_READER.topic, WINDOWS_READER.group, async (message) => keepHighest(shared, message as KpiWindows)],
  ]);
  for (const loop of Object.values(projections)) void startLoop(process, loop);
}

/** As the topic asks its consumers to. */
function keepHighest({ told }: Shared, { firings }: KpiWindows): void {
  for (const firing of firings) {
    const key = JSON.stringify([firing.window, firing.start, firing.key]);
    if ((told.get(key)?.revision ?? 0) < firing.revision) told.set(key, firing);
  }
}

/** The lifecycle starts a resource again until it starts. */
async function startLoop(process: SimProcess, loop: { start(): Promise<void> }): Promise<void> {
  for (;;) {
    try {
      return await loop.start();
    } catch {
      await process.sleep(500);
    }
  }
}
