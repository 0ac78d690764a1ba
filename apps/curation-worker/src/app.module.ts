import os from 'node:os';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { KeyRing } from '@millrace/auth';
import { KeysChangedController } from '@millrace/auth/nest';
import { openDuck } from '@millrace/lakehouse';
import { systemTimers as systemWaits } from '@millrace/messaging';
import { MessagingServer, publishJson } from '@millrace/messaging/nest';
import { OutboxRelay, TableOutbox } from '@millrace/messaging/outbox';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { LogWatch } from '@millrace/messaging/watch';
import { createFailpoints } from '@millrace/observability/failpoints';
import { createPool } from '@millrace/postgres';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, keysUsed, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { AdminController } from './admin/admin.controller';
import { adminProviders, createAdmin } from './admin/admin.module';
import { EventTotals } from './admin/totals';
import { LakeKeys } from './claims/lake-keys';
import { LandedBefore } from './claims/landed-before';
import { type Config, windowSettings } from './config';
import { ContractsChangedController } from './contracts/contracts-changed.controller';
import { ContractsKeeper } from './contracts/keeper';
import { DIMENSION_SOURCE, DimensionsController, type DimensionSource } from './dimensions/dimensions.controller';
import { addLoadRoute } from './dimensions/load.route';
import { loadDimension } from './dimensions/load-dimension';
import { createErasures } from './erasure/erasure.module';
import { ErasureController } from './erasure/erasure.controller';
import { ErasureResultsController } from './erasure/erasure-results.controller';
import { RevealController } from './privacy/reveal.controller';
import { PostgresErasureStore } from './erasure/postgres-store';
import { PrismaClient } from './generated/prisma/client';
import { PostgresLandingStore } from './landing/postgres/store';
import { openScratch, systemTimers } from './machine.client';
import { PostgresUpkeep } from './maintenance/postgres-upkeep';
import { pruneClaims, pruneInbox } from './maintenance/prune-claims';
import { LandedOutbox, RESEND_DEFAULTS } from './outbox/landed-outbox';
import { FAILPOINT, TablesChangedController } from './outbox/tables-changed.controller';
import { composePrivacy, revealProvider } from './privacy/privacy.module';
import { QuarantineController } from './quarantine/quarantine.controller';
import { QuarantineReader } from './quarantine/quarantine-store';
import { tellQuarantined } from './quarantine/tell-quarantined';
import { createMend } from './recipes/mend';
import { PrismaRecipeStore } from './recipes/prisma-store';
import { RecipeProcess } from './recipes/recipe-process.client';
import { RecipesController, SELF_REVIEW } from './recipes/recipes.controller';
import type { PlanDeps } from './replay/plan';
import { PLAN_DEPS, RECIPE_STORE, REPLAY_STORE, ReplayController, WAKE_REPLAYS } from './replay/replay.controller';
import { PostgresReplayStore } from './replay/postgres-store';
import { openingStore } from './replay/opening-store';
import { createDuckStager } from './staging/stage';
import { gzipRaw } from './staging/raw-parts';
import { PostgresWork } from './work/postgres-work';
import { WorkRunner } from './work/runner';
import { createWork } from './work/work.module';
import { WorkRequestedController } from './work/work-requested.controller';
import { PostgresTimeStore } from './windows/postgres/store';
import { TIME_STORE, TimeController } from './windows/time.controller';
import { AdaptiveLinger } from './worker/adaptive-linger';
import { createCuration } from './worker/curation';
import { CurationMetrics } from './worker/curation-metrics';

/** Topics that are alarmed about when nobody reads them. */
const WRITTEN = [TOPICS.batchesStaged, TOPICS.workResults, TOPICS.erasureRequested];
const STATEMENT_MS_MAX = 60_000;
const READ_CONNECTIONS_MAX = 2;

/** From this rate on landings linger the longest. */
const LINGER_FULL_EVENTS_PER_SECOND = 10_000;

/** Composition root: log and landings in Postgres, the lake in a folder, Parquet by DuckDB. */
@Module({})
export class AppModule {
  static async compose(context: ServiceContext<Config>): Promise<DynamicModule> {
    const { config, lifecycle, logger, metrics, clock, random } = context;
    const timers = systemTimers;
    const failpoint = createFailpoints('curation-worker', config.failpoints);

    const storage = createFilesystemStorage({ root: config.storageRoot });
    const pool = createPool({
      url: config.databaseUrl,
      max: config.databaseConnectionsMax,
      applicationName: context.name,
      statementTimeoutMs: STATEMENT_MS_MAX,
    });
    const messaging = createPostgresMessaging({
      url: config.databaseUrl,
      applicationName: context.name,
      leaseMs: config.partitionLease,
      onError: (error) => logger.warn({ error: error as Error }, 'the log is away for a moment'),
    });
    const prisma = new PrismaClient({
      adapter: new PrismaPg({ connectionString: config.databaseUrl, max: READ_CONNECTIONS_MAX }),
    });
    const scratch = await openScratch();
    const duck = await openDuck({
      memoryLimitMb: Math.floor(config.duckMemoryBytes / 2 ** 20),
      threads: config.duckThreads,
      tempDirectory: path.join(scratch.folder, 'spill'),
      spillBytesMax: config.duckSpillBytesMax,
      connectionsMax: config.landingsMax,
    });

    const store = new PostgresLandingStore(pool);
    const outbox = new LandedOutbox(pool, {
      ...RESEND_DEFAULTS,
      onOverdue: (from, count) => logger.warn({ from, count }, 'landed batches are announced again'),
    });
    const time = new PostgresTimeStore(pool);
    const measured = new CurationMetrics(metrics);
    const linger = new AdaptiveLinger({
      msMin: config.landingLinger,
      msMax: config.landingLingerMax,
      eventsPerSecondFull: LINGER_FULL_EVENTS_PER_SECOND,
      monotonicMs: () => performance.now(),
    });
    const lakeKeys = new LakeKeys({ storage, duck, clock });
    const landedBefore = new LandedBefore({
      ...{ pruned: () => store.pruned(), clock },
      inLake: (old) => lakeKeys.find(old),
    });
    const stager = createDuckStager({ storage, scratch, duck });
    const quarantine = new QuarantineReader(pool);
    const totals = new EventTotals(pool);
    const recipes = new PrismaRecipeStore(prisma, () => clock.now());
    const mend = createMend({ recipes, open: ({ kind, body }) => new RecipeProcess(kind, body) });
    const replayStore = new PostgresReplayStore(pool, v4, () => messages.wake());
    const erasureStore = new PostgresErasureStore(pool, v4, () => messages.wake());
    const privacy = composePrivacy(context, { pool, messaging });
    const audits = new TableOutbox(pool, 'curation_worker', 'message_outbox');
    const messages = new OutboxRelay({
      ...{ messaging, outbox: audits },
      onError: (error) => logger.warn({ error: error as Error }, 'messages could not be sent yet'),
    });
    const { worker, keeper, relay, windowsRelay, schedule, replays, dimensionLoads, opener, protections, refresh } =
      createCuration(
        {
          ...{ messaging, store, outbox, storage, clock, random, timers, logger, failpoint },
          upkeep: new PostgresUpkeep(pool),
          replays: replayStore,
          mend,
          tellQuarantined: () => tellQuarantined({ pool, messaging, withRaw: config.quarantinedRaw }),
          compactCounts: async (signal) => {
            await quarantine.compact(signal);
            while (!signal.aborted && (await totals.addUp()));
          },
          stager,
          time,
          compress: gzipRaw,
          landedBefore: (candidates) => landedBefore.find(candidates),
          observe: measured.observeStep,
          waits: systemWaits,
          pruneClaims: (signal) => pruneClaims(pool, signal),
          pruneInbox: () => pruneInbox(pool, config.inboxKeep),
          ...privacy,
          keysPurged: (workerEpoch, keysEpoch) => erasureStore.purged(workerEpoch, keysEpoch),
        },
        {
          member: `${os.hostname()}/${process.pid}`,
          eventsMax: config.landingEventsMax,
          bytesMax: config.landingBytesMax,
          lingerMs: () => linger.ms,
          deliveriesMax: config.deliveriesMax,
          landingsMax: config.landingsMax,
          heartbeatMs: config.heartbeatEvery,
          contractsEveryMs: config.contractsEvery,
          workerSilenceMsMax: config.workerSilenceMax,
          stagedKeepMs: config.stagedKeep,
          unknownTypes: config.unknownTypes,
          retry: { attemptsMax: config.retryAttemptsMax, waitMsMin: config.retryWait },
          windows: windowSettings(config),
          dimensionsBytesMax: config.dimensionsMemoryMax,
        },
        (landed) => {
          measured.landed(landed);
          linger.landed(landed.outcomes.length);
        },
      );
    const { work, runner } = createWork({
      ...{ pool, storage, opener, messaging, timers, logger, leaseMs: config.workLease },
      ...{ itemsPerSecondMax: config.shadowItemsPerSecondMax, slotsMax: config.workSlots },
    });
    addLoadRoute(context.fastify, context.openapi, async (load) => {
      const loaded = await loadDimension(dimensionLoads, load);
      await keeper.refresh();
      return loaded;
    });
    const plan: PlanDeps = {
      ...{
        replays: openingStore(replayStore, opener),
        protections,
        store,
        keeper,
        stager,
        mend,
        unknownTypes: config.unknownTypes,
      },
      landedBefore: (candidates) => landedBefore.find(candidates),
    };
    const admin = createAdmin({
      ...{ pool, storage, duck, messaging, clock, timers, replays: replayStore },
      wake: () => replays.wake(),
      findKey: (id) => protections.inboundKey(id),
    });
    const erasures = createErasures({
      ...{ storage, duck, messaging, clock, timers, logger, failpoint, opener, protections, refresh },
      ...{ store: erasureStore, keys: privacy.privacy.keys, contracts: () => keeper.current?.contracts ?? null },
      ...{ leaseMs: config.workLease, dailyKeepDays: privacy.privacy.dailyKeepDays },
      ...{ backupsKeepMs: config.backupsKeep, planBytesMax: config.erasurePlanBytesMax },
    });
    measured.watch({
      inFlight: () => worker.inFlight,
      positions: () => worker.positions(),
      contractsIndex: () => keeper.current?.contracts.index ?? 0,
      contractsUnavailable: () => keeper.unavailable.length,
      messaging,
      topic: GROUPS.curation.topic,
    });

    lifecycle.add({
      name: 'duckdb',
      start: async () => undefined,
      stop: async () => {
        await duck.close();
        await scratch.remove();
      },
    });
    lifecycle.add({ name: 'postgres', start: async () => void (await store.line()), stop: () => pool.end() });
    lifecycle.add({ name: 'recipes', start: () => prisma.$connect(), stop: () => prisma.$disconnect() });
    lifecycle.add({ name: 'log', start: async () => undefined, stop: () => messaging.close() });
    lifecycle.add(new LogWatch({ messaging, metrics, logger, topics: WRITTEN.map(({ name }) => name) }));
    const keys = context.access.followKeys(storage, (uses) =>
      publishJson(messaging, TOPICS.keysUsed.name, keysUsed(context.name, uses)),
    );
    const control = new MessagingServer({
      messaging,
      onError: (error, topic) => logger.warn({ topic, error: error as Error }, 'a control message is handled again'),
    });
    context.consume('control', control);
    lifecycle.add({ name: 'outbox', start: () => relay.start(), stop: () => relay.stop() });
    lifecycle.add({ name: 'windows', start: () => windowsRelay.start(), stop: () => windowsRelay.stop() });
    lifecycle.add({ name: 'schedule', start: async () => schedule.start(), stop: () => schedule.stop() });
    lifecycle.add({
      name: 'worker',
      start: async () => worker.start(),
      stop: () => worker.stop(),
      ready: () => worker.ready(),
      notice: () => keeper.notice(),
    });

    lifecycle.add({ name: 'messages', start: () => messages.start(), stop: () => messages.stop() });
    // Stops first: what it lands, it lands under the worker's epoch.
    lifecycle.add({ name: 'replays', start: async () => replays.start(), stop: () => replays.stop() });
    lifecycle.add({ name: 'erasures', start: async () => erasures.loop.start(), stop: () => erasures.loop.stop() });
    lifecycle.add({ name: 'work', start: async () => runner.start(), stop: () => runner.stop() });

    return {
      module: AppModule,
      controllers: [
        TimeController,
        DimensionsController,
        QuarantineController,
        AdminController,
        ReplayController,
        RecipesController,
        TablesChangedController,
        ContractsChangedController,
        KeysChangedController,
        WorkRequestedController,
        ErasureController,
        ErasureResultsController,
        RevealController,
      ],
      providers: [
        { provide: DIMENSION_SOURCE, useValue: { store, files: dimensionLoads.files } satisfies DimensionSource },
        { provide: KeyRing, useValue: keys },
        { provide: QuarantineReader, useValue: quarantine },
        ...adminProviders(admin),
        ...erasures.providers,
        revealProvider({ keys: privacy.privacy.keys, protections, clock, outbox: audits, wake: () => messages.wake() }),
        { provide: PLAN_DEPS, useValue: plan },
        { provide: REPLAY_STORE, useValue: replayStore },
        { provide: RECIPE_STORE, useValue: recipes },
        { provide: WAKE_REPLAYS, useValue: () => replays.wake() },
        { provide: SELF_REVIEW, useValue: config.recipeSelfReview },
        { provide: LandedOutbox, useValue: outbox },
        { provide: FAILPOINT, useValue: failpoint },
        { provide: ContractsKeeper, useValue: keeper },
        { provide: TIME_STORE, useValue: time },
        { provide: PostgresWork, useValue: work },
        { provide: WorkRunner, useValue: runner },
      ],
    };
  }
}
