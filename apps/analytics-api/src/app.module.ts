import { type DynamicModule, Module } from '@nestjs/common';
import { setTimeout as sleepFor } from 'node:timers/promises';
import path from 'node:path';
import { type ContractSet, contractSet, loadContractSet } from '@millrace/contracts';
import { KeyRing } from '@millrace/auth';
import { KeysChangedController } from '@millrace/auth/nest';
import { openDuck } from '@millrace/lakehouse';
import { PrismaPg } from '@prisma/adapter-pg';
import { AuditController } from './audit/audit.controller';
import { PrismaClient } from './generated/prisma/client';
import { FAILPOINT, REFRESH_CATALOG, TablesChangedController } from './projection/tables-changed.controller';
import { CatalogLog } from '@millrace/lakehouse/catalog';
import { DUCKDB_MACROS } from '@millrace/marts';
import { MessagingServer, publishJson } from '@millrace/messaging/nest';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createFailpoints } from '@millrace/observability/failpoints';
import { createPool } from '@millrace/postgres';
import { DailyKeys } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type Catalog, keysUsed, TOPICS } from '@millrace/topics';
import { Lake } from './catalog/lake';
import type { Config } from './config';
import type { ConservationDeps } from './conservation/conservation';
import { CONSERVATION_DEPS, ConservationController } from './conservation/conservation.controller';
import { KNOWN_AT_DAYS_MAX, type KnownAtDeps } from './marts/known-at';
import { KNOWN_AT_DEPS, MartsController } from './marts/marts.controller';
import { QualityController } from './marts/quality.controller';
import { PostgresReadModels } from './projection/postgres-read-models';
import { createProjections } from './projection/projections';
import { createLogTail, type FindInboundKey } from './trace/log-tail';
import type { TraceDeps } from './trace/trace';
import { TRACE_DEPS, TraceController } from './trace/trace.controller';

/** Of the audit's, which few people look at. */
const PRISMA_CONNECTIONS_MAX = 2;
/** Questions that run or wait for a connection of DuckDB. */
const QUERIES_MAX = 64;
const PRUNE_EVERY_MS = 3_600_000;
/**
 * Batches and commits are kept this long for traces and questions as known at a time, a day longer than these may ask: a
 * batch lands before it is committed. Conservation is kept for ever, a row a source and hour.
 */
const KEPT_MS = (KNOWN_AT_DAYS_MAX + 1) * 86_400_000;

/** Composition root: read models in Postgres, tables read from the lake's folder by DuckDB. */
@Module({})
export class AppModule {
  static async compose(context: ServiceContext<Config>): Promise<DynamicModule> {
    const { config, lifecycle, logger, metrics, clock, random } = context;
    const now = (): number => clock.now();
    const sleep = (ms: number): Promise<void> => sleepFor(ms);
    const topic = TOPICS.eventsInbound.name;

    const storage = createFilesystemStorage({ root: config.storageRoot });
    const pool = createPool({
      url: config.databaseUrl,
      max: config.databaseConnectionsMax,
      applicationName: context.name,
    });
    const messaging = createPostgresMessaging({ url: config.databaseUrl, applicationName: context.name });
    const duck = await openDuck({
      memoryLimitMb: Math.floor(config.duckMemoryBytes / 2 ** 20),
      threads: config.duckThreads,
      tempDirectory: path.join(config.storageRoot, '.spill', context.name),
      spillBytesMax: config.duckSpillBytesMax,
    });
    const prisma = new PrismaClient({
      adapter: new PrismaPg({ connectionString: config.databaseUrl, max: PRISMA_CONNECTIONS_MAX }),
    });
    const readModels = new PostgresReadModels(pool);
    const catalog = new CatalogLog(storage, () => performance.now());
    const lake = new Lake({ storage, duck, catalog, clock, queryMsMax: config.queryMsMax, queriesMax: QUERIES_MAX });
    let refreshing: Promise<Catalog | null> | null = null;
    /** Concurrent calls share one look. */
    const refreshCatalog = (): Promise<Catalog | null> =>
      (refreshing ??= catalog.refresh().finally(() => (refreshing = null)));
    const onError = (error: unknown): void => logger.error({ error: error as Error }, 'a projection fell behind');
    const sequenceGaps = metrics.counter(
      'millrace_append_gaps_total',
      'Appends that a producer numbered and the log does not hold.',
    );

    const failpoint = createFailpoints('analytics-api', config.failpoints);
    const projections = createProjections({
      ...{ messaging, readModels, onError, sleep, failpoint },
      onSequenceGap: (gap) => {
        sequenceGaps.inc(gap.found - gap.expected);
        logger.warn(
          { partition: gap.partition, incarnation: gap.incarnation, expected: gap.expected, found: gap.found },
          'appends are missing from the log',
        );
      },
    });

    let contracts: ContractSet = contractSet(0, []);
    const ends = (): Promise<ReadonlyMap<string, number>> => messaging.ends(topic);
    const conservation: ConservationDeps = { readModels, ends, topic, sleep, now, waitMsMax: config.waitMax };
    const tracing: TraceDeps = {
      ...{ lake, readModels, ends, topic, sleep, now, waitMsMax: config.waitMax },
      refreshCatalog,
      contracts: async () => (contracts = (await loadContractSet(storage, { known: contracts })) ?? contracts),
      inTail: createLogTail(messaging, topic, (id) => findInboundKey(id)),
    };

    const daily =
      config.masterKeyFile === undefined
        ? null
        : new DailyKeys({ storage, clock, random, master: createFileMasterKeys(config.masterKeyFile, random) });
    // A trace answers what it can.
    const findInboundKey: FindInboundKey = async (id) =>
      (await daily?.find(id).catch((error: unknown) => {
        logger.warn({ error: error as Error }, 'a key of events that wait could not be had');
        return null;
      })) ?? null;

    const knownAt: KnownAtDeps = { lake, readModels, refreshCatalog, sleep, now, waitMsMax: config.waitMax };

    lifecycle.add({
      name: 'duckdb',
      start: async () => {
        // One that is not temporary is known to all connections of the instance.
        for (const macro of DUCKDB_MACROS) await duck.query(macro.replace(' TEMP ', ' '));
      },
      stop: () => duck.close(),
    });
    lifecycle.add({ name: 'postgres', start: async () => void (await pool.query('SELECT 1')), stop: () => pool.end() });
    lifecycle.add({ name: 'log', start: async () => undefined, stop: () => messaging.close() });
    const keys = context.access.followKeys(storage, (uses) =>
      publishJson(messaging, TOPICS.keysUsed.name, keysUsed(context.name, uses)),
    );
    lifecycle.add({ name: 'audit', start: () => prisma.$connect(), stop: () => prisma.$disconnect() });
    context.consume('control', new MessagingServer({ messaging, onError }));
    let polling: NodeJS.Timeout | undefined;
    let pruning: NodeJS.Timeout | undefined;
    const prune = (): void => void readModels.prune(new Date(now() - KEPT_MS)).catch(onError);
    lifecycle.add({
      name: 'retention',
      start: async () => void (pruning = setInterval(prune, PRUNE_EVERY_MS)),
      stop: async () => clearInterval(pruning),
    });
    lifecycle.add({
      name: 'catalog',
      start: async () => {
        await refreshCatalog();
        polling = setInterval(() => void refreshCatalog().catch(onError), config.catalogPoll);
      },
      stop: async () => clearInterval(polling),
    });
    for (const [name, loop] of Object.entries(projections)) {
      lifecycle.add({
        name: `projection:${name}`,
        start: () => loop.start(),
        stop: () => loop.stop(),
        ready: () => loop.healthy || 'the last delivery failed',
      });
    }

    return {
      module: AppModule,
      controllers: [
        MartsController,
        QualityController,
        ConservationController,
        TraceController,
        AuditController,
        TablesChangedController,
        KeysChangedController,
      ],
      providers: [
        { provide: KeyRing, useValue: keys },
        { provide: Lake, useValue: lake },
        { provide: PrismaClient, useValue: prisma },
        { provide: PostgresReadModels, useValue: readModels },
        { provide: REFRESH_CATALOG, useValue: () => void refreshCatalog().catch(onError) },
        { provide: FAILPOINT, useValue: failpoint },
        { provide: CONSERVATION_DEPS, useValue: conservation },
        { provide: TRACE_DEPS, useValue: tracing },
        { provide: KNOWN_AT_DEPS, useValue: knownAt },
      ],
    };
  }
}
