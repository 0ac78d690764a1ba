import { setTimeout as sleepFor } from 'node:timers/promises';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { readCatalogDir } from '@millrace/contracts';
import { KeyRing } from '@millrace/auth';
import { KeysChangedController } from '@millrace/auth/nest';
import { DuckError, openDuck } from '@millrace/lakehouse/duckdb';
import { MessagingServer, publishJson } from '@millrace/messaging/nest';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { LogWatch } from '@millrace/messaging/watch';
import { systemRandom } from '@millrace/observability';
import { createFailpoints } from '@millrace/observability/failpoints';
import { createPool } from '@millrace/postgres';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { keysUsed, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { CatalogWriter } from './catalog/catalog-writer';
import { PostgresCommitStore } from './commit/postgres-store';
import { PostgresObservations } from './observation/postgres';
import type { Config } from './config';
import { addContractParsers } from './contracts/body-parsers';
import { ContractsController } from './contracts/contracts.controller';
import { ContractsInForce } from './contracts/contracts-in-force';
import { judgeContracts } from './contracts/judge';
import { PostgresTurns } from './contracts/postgres-turns';
import { causeOf } from './run/cause';
import { PublishingController } from './contracts/publishing.controller';
import { ContractRegistry } from './contracts/registry';
import { ErasureRequestedController } from './erasure/erasure-requested.controller';
import { PostgresTableErasures } from './erasure/postgres-store';
import { DriftController } from './inference/drift.controller';
import { DriftReader } from './inference/drift-reader';
import { PrismaClient } from './generated/prisma/client';
import { postgresLock } from './run/leader-lock';
import { Leadership } from './run/leadership';
import { createTableManager, type TableManagerEvents } from './run/table-manager';
import { AlarmsController, QUALITY_STORE } from './quality/alarms.controller';
import { FailuresGauge } from './quality/failures-gauge';
import { QualityStore } from './quality/quality-store';
import { SchemaRegistryModule } from './schema-registry/schema-registry.module';
import { PostgresRetentionStore } from './retention/postgres-store';
import { FrozenGauge } from './retention/frozen-gauge';
import { Shadows } from './shadow/shadows';
import { ShadowsController } from './shadow/shadows.controller';
import { ShadowStore } from './shadow/shadow-store';
import { DuckQuestions } from './tables/duck-questions';
import { TablePool } from './tables/table-pool';
import { MART_IDS } from './tables/table-specs';
import { RETENTION_STORE, TablesController } from './tables/tables.controller';
import { PrismaVacuumRecord } from './tables/vacuum-record';

const LEADER_RETRY_MS = 1_000;
const LEADER_HEARTBEAT_MS = 5_000;
const STATEMENT_MS_MAX = 60_000;
/** Three tables of a commit, the touched partitions, a rebuild and a compaction at once. */
const DUCK_CONNECTIONS_MAX = 6;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Composition root: Delta tables on the file system, the number line's cursor in Postgres. */
@Module({})
export class AppModule {
  static async compose(context: ServiceContext<Config>): Promise<DynamicModule> {
    const { config, lifecycle, logger, metrics, clock, name } = context;
    const sleep = (ms: number, signal?: AbortSignal): Promise<void> => sleepFor(ms, undefined, { signal });

    const storage = createFilesystemStorage({ root: config.storageRoot });
    const pool = createPool({
      url: config.databaseUrl,
      max: config.databaseConnectionsMax,
      applicationName: name,
      statementTimeoutMs: STATEMENT_MS_MAX,
    });
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: config.databaseUrl, max: 1 }) });
    const messaging = createPostgresMessaging({
      url: config.databaseUrl,
      applicationName: name,
      onError: (error) => logger.warn({ error: error as Error }, 'the log is away for a moment'),
    });
    const duck = await openDuck({
      memoryLimitMb: Math.floor(config.duckMemoryBytes / 2 ** 20),
      threads: config.duckThreads,
      tempDirectory: path.join(config.storageRoot, '.spill', name),
      spillBytesMax: config.duckSpillBytesMax,
      connectionsMax: DUCK_CONNECTIONS_MAX,
    });
    const failpoint = createFailpoints('table-manager', config.failpoints);
    const observations = new PostgresObservations(pool);
    const quality = new QualityStore(pool, v4);
    const erasures = new PostgresTableErasures(pool, v4);
    const retention = new PostgresRetentionStore(pool);
    const manager = createTableManager(
      {
        ...{ erasures, retention },
        ...{ storage, duck, messaging, clock, sleep, failpoint },
        store: new PostgresCommitStore(pool),
        observations,
        quality,
        questions: new DuckQuestions(duck, storage),
        vacuumRecord: new PrismaVacuumRecord(prisma),
        contracts: readCatalogDir(),
        monotonicMs: () => performance.now(),
        cpuMs,
        newId: v4,
        random: systemRandom,
      },
      {
        ...config,
        commitEveryMs: config.commitEvery,
        martsEveryMs: config.martsEvery,
        compactEveryMs: config.compactEvery,
        vacuumEveryMs: config.vacuumEvery,
        erasureGraceMs: config.erasureGrace,
        retentionEveryMs: config.retentionEvery,
        inference: { ...config, inferAfterMs: config.inferAfter },
      },
      eventsOf(context),
    );
    metrics.gauge(
      'millrace_failing_mart_partitions',
      'Partitions of a mart that could not be built last time and are tried again; a mart that fails as a whole is one.',
      ['mart'],
      (gauge) => {
        for (const id of MART_IDS) gauge.set({ mart: id }, manager.setbacks.count(id));
      },
    );
    const frozen = new FrozenGauge(retention);
    metrics.gauge(
      'millrace_frozen_mart_partitions',
      'Partitions of a mart that stay as they are because retention deleted rows of theirs; those among them that changed since count as late.',
      ['mart', 'late'],
      (gauge) => frozen.set(gauge, leadership.role === 'leader'),
    );
    const failures = new FailuresGauge(quality);
    metrics.gauge(
      'millrace_quality_failures',
      'Results of quality rules that fail or cannot be judged now: tenants, rules and days, by dataset; the first 50, others together.',
      ['dataset', 'severity'],
      (gauge) => failures.set(gauge, leadership.role === 'leader'),
    );
    const contracts = new ContractRegistry({
      ...{ storage, failpoint },
      turns: new PostgresTurns(pool, 'table_manager.contracts'),
      judge: judgeContracts,
      inForce: async () => {
        await manager.contracts.reload();
        return manager.contracts.current();
      },
      tell: (index) => manager.tell(index),
    });
    addContractParsers(context.fastify);
    const shadowStore = new ShadowStore(pool);
    const shadows = new Shadows({
      ...{ store: shadowStore, storage, registry: contracts, newId: v4 },
      now: () => clock.now(),
      flush: () => manager.flush(),
    });
    const drift = new DriftReader({
      ...{ observations, storage, contracts: manager.contracts, now: () => clock.now() },
      settings: { ...config, inferAfterMs: config.inferAfter },
    });
    const leadership = new Leadership({
      ...{ sleep, work: manager.work },
      lock: postgresLock(pool),
      retryMs: LEADER_RETRY_MS,
      heartbeatMs: LEADER_HEARTBEAT_MS,
      onChange: (role) => logger.info({ role }, role === 'leader' ? 'leads' : 'stands by'),
      onError: (error) => logger.error({ error: error as Error }, 'could not lead'),
    });

    lifecycle.add({ name: 'duckdb', start: async () => undefined, stop: () => duck.close() });
    lifecycle.add({ name: 'postgres', start: async () => void (await pool.query('SELECT 1')), stop: () => pool.end() });
    lifecycle.add({ name: 'maintenance record', start: () => prisma.$connect(), stop: () => prisma.$disconnect() });
    lifecycle.add({ name: 'log', start: async () => undefined, stop: () => messaging.close() });
    const written = [
      TOPICS.tablesChanged,
      TOPICS.contractsChanged,
      TOPICS.audit,
      TOPICS.keysUsed,
      TOPICS.workRequested,
      TOPICS.qualityAlarms,
      TOPICS.erasureResults,
    ];
    lifecycle.add(new LogWatch({ messaging, metrics, logger, topics: written.map(({ name: topic }) => topic) }));
    const keys = context.access.followKeys(storage, (uses) =>
      publishJson(messaging, TOPICS.keysUsed.name, keysUsed(context.name, uses)),
    );
    const control = new MessagingServer({
      messaging,
      onError: (error, topic) => logger.warn({ topic, error: error as Error }, 'a control message is handled again'),
    });
    context.consume('control', control);
    lifecycle.add({
      name: 'leadership',
      start: async () => leadership.start(),
      stop: () => leadership.stop(),
      // A standby is as it should be: an old instance may go once the new one says so.
      ready: () =>
        leadership.role === 'standby' ||
        (leadership.role === null ? (leadership.fault ?? 'nobody leads yet') : (manager.fault() ?? true)),
    });

    return {
      module: AppModule,
      imports: [SchemaRegistryModule.compose({ pool, storage, contracts })],
      controllers: [
        ...[TablesController, ContractsController, PublishingController, ShadowsController, DriftController],
        AlarmsController,
        KeysChangedController,
        ErasureRequestedController,
      ],
      providers: [
        { provide: KeyRing, useValue: keys },
        { provide: PostgresTableErasures, useValue: erasures },
        { provide: CatalogWriter, useValue: manager.catalog },
        { provide: TablePool, useValue: manager.tables },
        { provide: ContractsInForce, useValue: manager.contracts },
        { provide: ContractRegistry, useValue: contracts },
        { provide: ShadowStore, useValue: shadowStore },
        { provide: Shadows, useValue: shadows },
        { provide: DriftReader, useValue: drift },
        { provide: QUALITY_STORE, useValue: quality },
        { provide: RETENTION_STORE, useValue: retention },
      ],
    };
  }
}

function eventsOf({ logger, metrics, clock }: ServiceContext<Config>): TableManagerEvents {
  const rows = metrics.counter('millrace_committed_rows_total', 'Rows committed to Delta tables.');
  const commitSeconds = metrics.histogram('millrace_commit_duration_seconds', 'One commit of all tables.');
  const visibleSeconds = metrics.histogram(
    'millrace_landed_to_visible_seconds',
    'From the landing of a batch until its rows are in the catalog.',
  );
  const partitions = metrics.counter('millrace_rebuilt_partitions_total', 'Mart partitions rebuilt.');
  const rebuildSeconds = metrics.histogram(
    'millrace_rebuild_duration_seconds',
    'One rebuild of stale mart partitions.',
  );
  const compacted = metrics.counter('millrace_compacted_files_total', 'Small files rewritten into larger ones.', [
    'table',
  ]);
  const removedRows = metrics.counter(
    'millrace_retention_deleted_rows_total',
    'Rows deleted because their contract keeps them no longer.',
    ['table'],
  );
  const martFailures = metrics.counter(
    'millrace_mart_failures_total',
    'Attempts to build partitions of a mart, or the whole mart, that failed and are made again.',
    ['mart'],
  );
  const errors = metrics.counter(
    'millrace_failed_rounds_total',
    'Rounds of commits, rebuilds, maintenance and intake that failed and are tried again.',
  );
  return {
    onCommitted: (done, ms) => {
      rows.inc(done.rows);
      commitSeconds.observe(ms / 1000);
      for (const at of done.landedAt) visibleSeconds.observe(Math.max(0, clock.now() - Date.parse(at)) / 1000);
      logger.debug({ from: done.from, to: done.to, rows: done.rows, ms }, 'committed');
    },
    onRebuilt: (done, ms) => {
      partitions.inc(done.partitions);
      rebuildSeconds.observe(ms / 1000);
      logger.debug({ ...done, ms }, 'marts rebuilt');
    },
    onCompacted: (table, files) => {
      compacted.inc({ table }, files);
      logger.info({ table, files }, 'compacted');
    },
    onVacuumed: (table, { files, bytes }) => logger.info({ table, files, bytes }, 'vacuumed'),
    onRemoved: ({ table, rows, files }) => {
      removedRows.inc({ table }, rows);
      logger.info({ table, rows, files }, 'deleted what is kept no longer');
    },
    onMartFailed: ({ mart, partition, cause, attempts, retryInMs }) => {
      martFailures.inc({ mart });
      logger.warn({ mart, partition, cause, attempts, retryInMs }, 'a mart could not be built');
    },
    onError: (error, what) => {
      errors.inc();
      // What DuckDB says may quote rows.
      if (error instanceof DuckError) logger.error({ cause: causeOf(error), stack: stackOf(error) }, what);
      else logger.error({ error: error as Error }, what);
    },
  };
}

/** Where it came from, without its message. */
const stackOf = ({ stack = '' }: Error): string => stack.slice(Math.max(0, stack.indexOf('\n    at ')));
