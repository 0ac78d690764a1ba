import path from 'node:path';
import { DeltaTable } from '@millrace/lakehouse';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { spawnTypeScript, type TypeScriptChild } from '@millrace/storage/testing';
import {
  type BatchStaged,
  CATALOG_PREFIX,
  type Catalog,
  EVENTS_TABLE,
  FATES_TABLE,
  GROUPS,
  TOPICS,
  tableRoot,
} from '@millrace/topics';
import { v4 } from 'uuid';
import { martDifferences } from '../testing/mart-oracle';
import { MIGRATIONS, until } from '../testing/rig';
import { SHIPMENT_EVENTS, StagedLine } from '../testing/staged-line';

const LOG = { schema: 'log', dir: path.join(__dirname, '../../../../libs/messaging/src/postgres/migrations') };
const DAYS = ['2026-02-28', '2026-03-01'];

/** One of each kind, in the order in which they are passed; `npm run chaos -- --failpoints` has them all. */
const FAILPOINTS = [
  'data-written',
  `committed:${SHIPMENT_EVENTS}`,
  'catalog-written',
  'cursor-moved',
  'built:mart.exceptions',
  'marts-catalog-written',
  'outbox-appended',
];

let lake: TestLake;
let database: TestDatabase;
let messaging: Messaging;
const running: TypeScriptChild[] = [];

beforeAll(async () => {
  lake = await lakeForTests();
  database = await testDatabase({ migrations: [LOG, ...MIGRATIONS] });
  messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
});

afterAll(async () => {
  for (const { process: child, ended } of running) {
    child.kill('SIGKILL');
    await ended;
  }
  await messaging.close();
  await database.drop();
  await lake.dispose();
});

function start(failpoints = ''): TypeScriptChild {
  const child = spawnTypeScript(path.join(__dirname, '../main.ts'), [], {
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, PORT: '0', LOG_LEVEL: 'warn' },
      ...{ DATABASE_URL: database.url, STORAGE_ROOT: lake.folder, MILLRACE_FAILPOINTS: failpoints },
      ...{
        TABLES_COMMIT_EVERY: '20ms',
        MARTS_REBUILD_EVERY: '50ms',
        TABLES_COMPACT_EVERY: '200ms',
        TABLES_COMPACT_FILES_MIN: '3',
      },
    },
  });
  running.push(child);
  return child;
}

async function land(line: StagedLine, count: number): Promise<BatchStaged[]> {
  const batches: BatchStaged[] = [];
  for (let i = 0; i < count; i++) {
    const batch = await line.batch({ rows: 16, fates: 2, days: DAYS });
    batches.push(batch);
    const value = Buffer.from(JSON.stringify(batch));
    await messaging.append(TOPICS.batchesStaged.name, {
      header: { appendId: v4() },
      records: [{ headers: {}, value }],
    });
  }
  return batches;
}

async function newestCatalog(): Promise<Catalog> {
  let last = '';
  for await (const { path: at } of lake.storage.list(CATALOG_PREFIX)) last = at;
  return JSON.parse((await lake.storage.get(last)).toString('utf8')) as Catalog;
}

async function query(sql: (relation: string) => string, id: string): Promise<Record<string, unknown>[]> {
  const entry = (await newestCatalog()).tables[id];
  const table = await DeltaTable.open(lake.storage, tableRoot(id), { duck: lake.duck });
  return lake.duck.query(sql(`(${await table.scanSql(await table.at({ version: entry.version }))})`));
}

test('after kill -9 between steps nothing is lost and nothing is there twice', async () => {
  const line = new StagedLine(lake.duck, lake.storage);
  const batches: BatchStaged[] = [];
  for (const failpoint of FAILPOINTS) {
    batches.push(...(await land(line, 2)));
    const end = await start(`table-manager/${failpoint}=crash`).ended;
    expect({ failpoint, ...end }).toEqual({ failpoint, code: null, signal: 'SIGKILL', stderr: '' });
  }
  const last = start();
  batches.push(...(await land(line, 1)));
  await until(async () => {
    const { rows } = await database.pool.query(
      `SELECT (SELECT number FROM table_manager.cursor) AS cursor, (SELECT count(*) FROM table_manager.outbox) AS unsent,
              (SELECT count(*) FROM table_manager.mart_partition WHERE touched > built) AS stale`,
    );
    return Number(rows[0].cursor) === batches.length && Number(rows[0].unsent) === 0 && Number(rows[0].stale) === 0;
  }, 30_000);

  for (const [table, rows] of [
    [EVENTS_TABLE, 16],
    [SHIPMENT_EVENTS, 16],
    [FATES_TABLE, 2],
  ] as const) {
    const found = await query(
      (relation) =>
        `SELECT _batch_id AS id, count(*) AS n, count(DISTINCT event_id) AS ids FROM ${relation} GROUP BY 1 ORDER BY 1`,
      table,
    );
    expect(found).toEqual(batches.map(({ batchId }) => ({ id: batchId, n: rows, ids: rows })));
  }
  expect(await martDifferences({ lake, query }, batches)).toEqual({
    'mart.shipments_daily': 0,
    'mart.on_time_performance': 0,
    'mart.exceptions': 0,
  });
  // An orderly end is one without complaint.
  last.process.kill('SIGTERM');
  expect(await last.ended).toMatchObject({ code: 0, signal: null });
}, 180_000);
