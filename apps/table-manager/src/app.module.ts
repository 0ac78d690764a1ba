import { type DynamicModule, Module } from '@nestjs/common';
import { setTimeout as sleepUntil } from 'node:timers/promises';
import path from 'node:path';
import { type ContractSet, contractSet, loadContractSet, readCatalogDir } from '@millrace/contracts';
import { type Duck, openDuck } from '@millrace/lakehouse';
import { ConsumeLoop, jsonRecords } from '@millrace/messaging/loop';
import { OutboxRelay } from '@millrace/messaging/outbox';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { createPool } from '@millrace/postgres';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type BatchStaged, type ContractsChanged, GROUPS, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { CatalogWriter } from './commit/catalog-writer';
import { Committer } from './commit/committer';
import { PostgresCommitStore } from './commit/postgres-store';
import type { Config } from './config';
import { CONTRACTS_IN_FORCE, ContractsController, STORAGE } from './contracts/contracts.controller';
import { publishContracts } from './contracts/publish';
import { prepareDuck, rebuildMarts } from './marts/rebuild';
import { createFailpoints } from './run/failpoint';
import { Leadership } from './run/leadership';
import { PacedLoop } from './run/paced-loop';
import { Maintenance, publishCompacted } from './tables/maintenance';
import { TablePool } from './tables/table-pool';
import { TablesController } from './tables/tables.controller';

const LEADER_RETRY_MS = 1_000;
const RECEIVE_BATCHES_MAX = 200;

/** Composition root: Delta tables on the file system, the number line's cursor in Postgres. */
@Module({})
export class AppModule {
  static async compose(context: ServiceContext<Config>): Promise<DynamicModule> {
    const { config, lifecycle, logger, metrics, clock } = context;
    const now = (): number => clock.now();
    const failed = (what: string) => (error: unknown) => logger.error({ error: error as Error }, what);
    const sleep = (ms: number): Promise<void> => sleepUntil(ms);
    const failpoint = createFailpoints(process.env.MILLRACE_FAILPOINTS);

    const storage = createFilesystemStorage({ root: config.storageRoot });
    const pool = createPool({ url: config.databaseUrl, max: config.databaseConnectionsMax, applicationName: context.name });
    const messaging = createPostgresMessaging({ url: config.databaseUrl, applicationName: context.name });
    const duck: Duck = await openDuck({
      memoryLimitMb: Math.floor(config.duckMemoryBytes / 2 ** 20),
      threads: config.duckThreads,
      tempDirectory: path.join(config.storageRoot, '.spill', context.name),
      spillBytesMax: config.duckSpillBytesMax,
    });
    let contracts: ContractSet = contractSet(0, []);
    const reloadContracts = async (): Promise<void> => {
      contracts = (await loadContractSet(storage, { known: contracts })) ?? contracts;
    };

    const tables = new TablePool({
      storage,
      duck,
      contracts: () => contracts,
      clock,
      targetFileBytes: config.targetFileBytes,
      onBackgroundError: failed('a checkpoint was not written'),
    });
    const store = new PostgresCommitStore(pool);
    const catalog = new CatalogWriter(storage, now);
    const committer = new Committer({
      ...{ store, tables, catalog, storage, duck, now, failpoint },
      limits: { batchesMax: config.commitBatchesMax, rowsMax: config.commitRowsMax },
      newId: v4,
    });
    const relay = new OutboxRelay({ pool, schema: 'table_manager', messaging, onError: failed('messages wait in the outbox'), sleep });

    const committedRows = metrics.counter('millrace_committed_rows_total', 'Rows committed to Delta tables.');
    const commitSeconds = metrics.histogram('millrace_commit_duration_seconds', 'One commit of all tables.');
    const visibleSeconds = metrics.histogram('millrace_landed_to_visible_seconds', 'From the landing of a batch until its rows are in the catalog.');
    const rebuiltPartitions = metrics.counter('millrace_rebuilt_partitions_total', 'Mart partitions rebuilt.');
    const rebuildSeconds = metrics.histogram('millrace_rebuild_duration_seconds', 'One rebuild of stale mart partitions.');

    const loops: PacedLoop[] = [];
    const paced = (round: () => Promise<boolean>, everyMs: number, idleMs: number, fault: string): PacedLoop => {
      const loop = new PacedLoop({ round, everyMs, idleMs, onError: failed(fault), sleep: (ms, signal) => sleepUntil(ms, undefined, { signal }), now });
      loops.push(loop);
      return loop;
    };
    const martsLoop = paced(
      async () => {
        const began = performance.now();
        const rebuilt = await rebuildMarts({ store, tables, catalog, duck, partitionsMax: config.martPartitionsMax, newId: v4, failpoint });
        if (!rebuilt) return false;
        relay.wake();
        rebuiltPartitions.inc(rebuilt.partitions);
        rebuildSeconds.observe((performance.now() - began) / 1000);
        logger.debug({ ...rebuilt, ms: performance.now() - began }, 'marts rebuilt');
        return true;
      },
      config.martsEvery,
      5_000,
      'marts were not rebuilt',
    );
    const compacted = new Set<string>();
    const commitLoop = paced(
      async () => {
        const began = performance.now();
        const done = await committer.commitNext();
        if (!done) {
          await publishCompacted(catalog, tables, compacted);
          return false;
        }
        relay.wake();
        martsLoop.wake();
        committedRows.inc(done.rows);
        commitSeconds.observe((performance.now() - began) / 1000);
        for (const at of done.landedAt) visibleSeconds.observe(Math.max(0, now() - Date.parse(at)) / 1000);
        logger.debug({ from: done.from, to: done.to, rows: done.rows, ms: performance.now() - began }, 'committed');
        return true;
      },
      config.commitEvery,
      2_000,
      'batches were not committed',
    );
    const maintenance = new Maintenance({
      tables,
      filesMin: config.compactFilesMin,
      now,
      vacuumEveryMs: config.vacuumEvery,
      pruneCatalog: (ageMs) => catalog.prune(ageMs),
      pruneBatches: (ageMs) => store.pruneApplied(new Date(now() - ageMs)),
      onDone: ({ table, operation, files }) => {
        logger.info({ table, operation, files }, 'maintained');
        if (operation === 'compaction') compacted.add(table);
        commitLoop.wake();
      },
    });
    paced(async () => (await maintenance.round(), false), config.compactEvery, config.compactEvery, 'tables were not maintained');

    const intake = new ConsumeLoop({
      messaging,
      subscribe: { ...GROUPS.tableManager, eventsMax: RECEIVE_BATCHES_MAX },
      handle: async (delivery) => {
        const { alreadyApplied } = await store.receive(jsonRecords<BatchStaged>(delivery));
        if (alreadyApplied && catalog.current) await store.announce({ id: v4(), topic: TOPICS.tablesChanged.name, body: unchanged(catalog.current) });
        if (alreadyApplied) relay.wake();
        commitLoop.wake();
      },
      onError: failed('announced batches were not received'),
      sleep,
    });

    const leadership = new Leadership(pool, () => {
      logger.warn('leadership was lost');
      process.kill(process.pid, 'SIGTERM');
    });

    lifecycle.add({ name: 'duckdb', start: async () => prepareDuck(duck), stop: () => duck.close() });
    lifecycle.add({ name: 'postgres', start: async () => void (await pool.query('SELECT 1')), stop: () => pool.end() });
    lifecycle.add({ name: 'log', start: async () => undefined, stop: () => messaging.close() });
    lifecycle.add({
      name: 'leadership',
      start: async () => {
        while (!(await leadership.acquire())) await sleep(LEADER_RETRY_MS);
      },
      stop: () => leadership.release(),
    });
    lifecycle.add({
      name: 'contracts',
      start: async () => {
        const published = await publishContracts(storage, readCatalogDir());
        await reloadContracts();
        await catalog.load();
        const message: ContractsChanged = { index: published.index, at: new Date(now()).toISOString() };
        if (published.changed) await store.announce({ id: v4(), topic: TOPICS.contractsChanged.name, body: message });
      },
      stop: async () => undefined,
    });
    lifecycle.add({ name: 'outbox', start: () => relay.start(), stop: () => relay.stop() });
    lifecycle.add({
      name: 'loops',
      start: async () => {
        for (const loop of loops) await loop.start();
      },
      stop: async () => {
        await Promise.all(loops.map((loop) => loop.stop()));
        for (const [, table] of await tables.opened()) await table.settled();
      },
      ready: () => loops.map((loop) => loop.fault).find((fault) => fault !== null) ?? true,
    });
    lifecycle.add({ name: 'intake', start: () => intake.start(), stop: () => intake.stop(), ready: () => intake.healthy });

    return {
      module: AppModule,
      controllers: [TablesController, ContractsController],
      providers: [
        { provide: CatalogWriter, useValue: catalog },
        { provide: TablePool, useValue: tables },
        { provide: CONTRACTS_IN_FORCE, useValue: () => contracts },
        { provide: STORAGE, useValue: storage },
      ],
    };
  }
}

/** The answer to a sender that has missed what was said of its batch: everything up to the catalog's number is applied. */
function unchanged(catalog: { lineId: string; number: number; version: number; at: string }): object {
  return { lineId: catalog.lineId, number: catalog.number, from: catalog.number + 1, catalogVersion: catalog.version, tables: {}, at: catalog.at };
}
