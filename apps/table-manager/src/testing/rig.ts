import type { Failpoint } from '@millrace/observability/failpoints';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { type CatalogContract, readCatalogDir } from '@millrace/contracts';
import { DeltaTable } from '@millrace/lakehouse';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import type { Messaging } from '@millrace/messaging';
import { createMemoryMessaging, MemoryLog } from '@millrace/messaging/memory';
import { systemClock } from '@millrace/observability';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { type BatchStaged, CATALOG_PREFIX, type Catalog, GROUPS, TOPICS, tableRoot } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import { PostgresObservations } from '../observation/postgres';
import {
  createTableManager,
  type TableManager,
  type TableManagerEvents,
  type TableManagerPorts,
  type TableManagerSettings,
} from '../run/table-manager';
import { QualityStore } from '../quality/quality-store';
import { DuckQuestions } from '../tables/duck-questions';
import type { VacuumRecord } from '../tables/maintenance';
import { StagedLine } from './staged-line';

export const MIGRATIONS = [{ schema: 'table_manager', dir: path.join(__dirname, '../../prisma/migrations') }];

export const FAST: TableManagerSettings = {
  ...{ commitEveryMs: 10, commitBatchesMax: 64, commitRowsMax: 500_000, martsEveryMs: 10, martPartitionsMax: 200 },
  martRowsMax: 1_000_000,
  ...{ compactEveryMs: 50, compactFilesMin: 4, targetFileBytes: 1 << 20, vacuumEveryMs: 3_600_000 },
};

export interface Rig {
  readonly lake: TestLake;
  readonly database: TestDatabase;
  readonly line: StagedLine;
  readonly messaging: Messaging;
  readonly errors: unknown[];
  /** A table-manager of its own process, as far as anything shared goes; all of a rig share lake, database and log. */
  manager(options?: ManagerOptions): TableManager;
  announce(...batches: readonly BatchStaged[]): Promise<void>;
  /** What was sent on a topic so far. */
  sent<T>(topic: string): Promise<T[]>;
  catalog(): Promise<Catalog | null>;
  /** Rows of a table, by batch, as a reader of the newest catalog sees them. */
  rowsByBatch(table: string, catalog?: Catalog | null): Promise<Map<number, number>>;
  /** A SELECT over a table as the catalog has it. */
  query(sql: (relation: string) => string, table: string, catalog?: Catalog | null): Promise<Record<string, unknown>[]>;
  dispose(): Promise<void>;
}

export interface ManagerOptions {
  readonly settings?: Partial<TableManagerSettings>;
  readonly ports?: Partial<TableManagerPorts>;
  readonly failpoint?: Failpoint<'table-manager'>;
  readonly events?: Partial<TableManagerEvents>;
  readonly contracts?: readonly CatalogContract[];
}

const noVacuum: VacuumRecord = { lastRun: async () => null, began: async () => undefined, done: async () => undefined };

/** A lake, a database and a log in memory, for table-managers that run in this process. */
export async function createRig(): Promise<Rig> {
  const lake = await lakeForTests();
  const database = await testDatabase({ migrations: MIGRATIONS });
  const log = new MemoryLog(systemClock);
  const opened: Messaging[] = [];
  const open = (): Messaging => {
    const messaging = createMemoryMessaging({ log, pollMs: 50, leaseMs: 1_000, graceMs: 500 });
    opened.push(messaging);
    return messaging;
  };
  const messaging = open();
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  const errors: unknown[] = [];
  const managers: TableManager[] = [];
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => sleepFor(ms, undefined, { signal });

  const rig: Rig = {
    ...{ lake, database, messaging, errors },
    line: new StagedLine(lake.duck, lake.storage),
    manager({ settings, ports, events, failpoint = async () => undefined, contracts = readCatalogDir() } = {}) {
      const manager = createTableManager(
        {
          ...{ storage: lake.storage, duck: lake.duck, messaging: open(), vacuumRecord: noVacuum },
          store: new PostgresCommitStore(database.pool),
          observations: new PostgresObservations(database.pool),
          quality: new QualityStore(database.pool, v4),
          questions: new DuckQuestions(lake.duck, lake.storage),
          ...{ clock: systemClock, monotonicMs: () => performance.now(), sleep, newId: v4, failpoint, contracts },
          ...ports,
        },
        { ...FAST, ...settings },
        { ...events, onError: (error) => errors.push(error) },
      );
      managers.push(manager);
      return manager;
    },
    async announce(...batches) {
      for (const batch of batches) {
        const value = Buffer.from(JSON.stringify(batch));
        await messaging.append(TOPICS.batchesStaged.name, {
          header: { appendId: v4() },
          records: [{ headers: {}, value }],
        });
      }
    },
    async sent<T>(topic: string): Promise<T[]> {
      const found: T[] = [];
      const stored = log.topic(topic).read(0, 0, { eventsMax: 1_000_000, bytesMax: 1 << 30, headersOnly: false });
      for (const batch of (await stored).batches) {
        for (const record of batch.records ?? []) found.push(JSON.parse(record.value.toString('utf8')) as T);
      }
      return found;
    },
    async catalog() {
      let last: string | null = null;
      for await (const object of lake.storage.list(CATALOG_PREFIX)) last = object.path;
      return last === null ? null : (JSON.parse((await lake.storage.get(last)).toString('utf8')) as Catalog);
    },
    async rowsByBatch(table, catalog) {
      const rows = await rig.query(
        (relation) => `SELECT _batch_id AS id, count(*) AS n FROM ${relation} GROUP BY 1 ORDER BY 1`,
        table,
        catalog,
      );
      return new Map(rows.map((row) => [Number(row.id), Number(row.n)]));
    },
    async query(sql, id, known) {
      const catalog = known === undefined ? await rig.catalog() : known;
      const entry = catalog?.tables[id];
      if (!entry) return [];
      const table = await DeltaTable.open(lake.storage, tableRoot(id), { duck: lake.duck });
      const relation = await table.scanSql(await table.at({ version: entry.version }));
      return lake.duck.query(sql(`(${relation})`));
    },
    async dispose() {
      for (const manager of managers) await manager.work.stop().catch(() => undefined);
      for (const each of opened) await each.close();
      await database.drop();
      await lake.dispose();
    },
  };
  return rig;
}

/** Waits until a condition holds; fails with what it last was. */
export async function until(condition: () => Promise<boolean> | boolean, timeoutMs = 40_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
    await sleepFor(10);
  }
}
