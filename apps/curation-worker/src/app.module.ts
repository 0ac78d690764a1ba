import os from 'node:os';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { openDuck } from '@millrace/lakehouse';
import { MessagingServer } from '@millrace/messaging/nest';
import { OutboxRelay } from '@millrace/messaging/outbox';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createPool } from '@millrace/postgres';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS } from '@millrace/topics';
import { LandedBefore } from './claims/landed-before';
import type { Config } from './config';
import { ContractsChangedController } from './contracts/contracts-changed.controller';
import { ContractsKeeper } from './contracts/keeper';
import { PrismaClient } from './generated/prisma/client';
import { BatchIds } from './landing/batch-ids';
import { landBatch } from './landing/land-batch';
import { Lander } from './landing/lander';
import { PostgresLandingStore } from './landing/postgres/store';
import { openScratch, systemTimers } from './machine.client';
import { Collector } from './maintenance/collector';
import { pruneClaims, pruneInbox } from './maintenance/prune-claims';
import { Schedule } from './maintenance/schedule';
import { deletePassedFiles } from './maintenance/staged-files';
import { announcement } from './outbox/announcement';
import { LandedOutbox, RESEND_DEFAULTS } from './outbox/landed-outbox';
import { TablesChangedController } from './outbox/tables-changed.controller';
import { QuarantineController } from './quarantine/quarantine.controller';
import { QuarantineReader } from './quarantine/quarantine-store';
import { JitteredBackoff } from './worker/backoff';
import { CurationMetrics } from './worker/curation-metrics';
import { DeclaredDates } from './worker/declared-dates';
import { parseFailpoints } from './worker/failpoints';
import { CurationWorker } from './worker/worker';

const MINUTE_MS = 60_000;
const STATEMENT_MS_MAX = 60_000;
const READ_CONNECTIONS_MAX = 2;
/** Batches are announced as they land; this is for what another process left, and what seems lost. */
const OUTBOX_POLL_MS = 2_000;

/** Composition root: log and landings in Postgres, the lake in a folder, Parquet by DuckDB. */
@Module({})
export class AppModule {
  static async compose(context: ServiceContext<Config>): Promise<DynamicModule> {
    const { config, lifecycle, logger, metrics, clock, random } = context;
    const timers = systemTimers;
    const failpoint = parseFailpoints(config.failpoints, timers);
    const backoff = new JitteredBackoff(random, timers);

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
    const keeper = new ContractsKeeper(store, storage, logger);
    const relay = new OutboxRelay({
      ...{ outbox, messaging, pollMs: OUTBOX_POLL_MS },
      afterAppend: () => failpoint('after-announce'),
      onError: (error) => logger.warn({ error: error as Error }, 'landed batches could not be announced yet'),
    });
    const measured = new CurationMetrics(metrics);
    const landedBefore = new LandedBefore({ storage, duck, pruned: () => store.pruned(), clock });
    const dates = new DeclaredDates(store);
    const lander = new Lander({
      ...{ store, storage, scratch, duck, keeper, backoff, logger, failpoint, timers, clock, landBatch },
      ids: new BatchIds(store),
      landedBefore: (candidates) => landedBefore.find(candidates),
      declareDate: (epoch, date) => dates.declare(epoch, date),
      observe: measured.observeStep,
      onTrouble: (error) => worker.noteTrouble(error),
    });
    const worker: CurationWorker = new CurationWorker(
      {
        ...{ messaging, store, lander, keeper, backoff, logger, failpoint, timers },
        member: `${os.hostname()}/${process.pid}`,
        onLanded: (landed) => {
          measured.landed(landed);
          relay.offer(announcement(landed.message, landed.number));
        },
      },
      {
        ...GROUPS.curation,
        eventsMax: config.landingEventsMax,
        bytesMax: config.landingBytesMax,
        lingerMs: config.landingLinger,
        deliveriesMax: config.deliveriesMax,
        landingsMax: config.landingsMax,
        heartbeatMs: config.heartbeatEvery,
      },
    );
    measured.watch({
      inFlight: () => worker.inFlight,
      positions: () => worker.positions(),
      messaging,
      topic: GROUPS.curation.topic,
    });

    const collector = new Collector({ pool, storage, logger });
    const schedule = new Schedule(
      [
        { name: 'contracts', everyMs: config.contractsEvery, run: () => keeper.refresh() },
        {
          name: 'collector',
          everyMs: Math.ceil(config.workerSilenceMax / 2),
          run: async () =>
            void (worker.epoch !== null && (await collector.collect(worker.epoch, config.workerSilenceMax))),
        },
        {
          name: 'staged files',
          everyMs: 5 * MINUTE_MS,
          run: async (signal) => void (await deletePassedFiles(pool, storage, config.stagedKeep, signal)),
        },
        { name: 'claims', everyMs: 20 * MINUTE_MS, run: async (signal) => void (await pruneClaims(pool, signal)) },
        { name: 'inbox', everyMs: 60 * MINUTE_MS, run: async () => void (await pruneInbox(pool, config.inboxKeep)) },
      ],
      timers,
      logger,
    );

    lifecycle.add({
      name: 'duckdb',
      start: async () => undefined,
      stop: async () => {
        await duck.close();
        await scratch.remove();
      },
    });
    lifecycle.add({ name: 'postgres', start: async () => void (await store.line()), stop: () => pool.end() });
    lifecycle.add({ name: 'quarantine', start: () => prisma.$connect(), stop: () => prisma.$disconnect() });
    lifecycle.add({ name: 'log', start: async () => undefined, stop: () => messaging.close() });
    const control = new MessagingServer({
      messaging,
      onError: (error, topic) => logger.warn({ topic, error: error as Error }, 'a control message is handled again'),
    });
    context.consume('control', control);
    lifecycle.add({ name: 'outbox', start: () => relay.start(), stop: () => relay.stop() });
    lifecycle.add({ name: 'schedule', start: async () => schedule.start(), stop: () => schedule.stop() });
    lifecycle.add({
      name: 'worker',
      start: async () => worker.start(),
      stop: () => worker.stop(),
      ready: () => worker.ready(),
    });

    return {
      module: AppModule,
      controllers: [QuarantineController, TablesChangedController, ContractsChangedController],
      providers: [
        { provide: QuarantineReader, useValue: new QuarantineReader(prisma) },
        { provide: LandedOutbox, useValue: outbox },
        { provide: ContractsKeeper, useValue: keeper },
      ],
    };
  }
}
