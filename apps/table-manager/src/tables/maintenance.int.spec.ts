import { PrismaPg } from '@prisma/adapter-pg';
import type { Storage } from '@millrace/storage';
import { EVENTS_TABLE, type BatchStaged } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import { PrismaClient } from '../generated/prisma/client';
import type { TableManager } from '../run/table-manager';
import { createRig, type Rig, until } from '../testing/rig';
import { SHIPMENT_EVENTS } from '../testing/staged-line';
import { PrismaVacuumRecord } from './vacuum-record';

let rig: Rig;
beforeEach(async () => (rig = await createRig()));
afterEach(() => rig.dispose());

const DAY_MS = 86_400_000;
const quiet = new AbortController().signal;

async function commit(manager: TableManager, batches: number, content = {}): Promise<BatchStaged[]> {
  const store = new PostgresCommitStore(rig.database.pool);
  const landed: BatchStaged[] = [];
  for (let i = 0; i < batches; i++) {
    landed.push(await rig.line.batch({ rows: 4, ...content }));
    await store.receive(landed.slice(-1));
    await manager.rounds.commit();
  }
  return landed;
}

const filesOf = async (manager: TableManager, id: string): Promise<number> => {
  const version = (await rig.catalog())?.tables[id].version ?? -1;
  return (await manager.tables.at(id, version))?.snapshot.files.size ?? -1;
};

test('small files are merged while nothing of what they hold changes, and readers are sent to the merged ones', async () => {
  const manager = rig.manager({ settings: { compactFilesMin: 4 } });
  await manager.work.start();
  const batches = await commit(manager, 9);
  await until(
    async () => (await filesOf(manager, EVENTS_TABLE)) <= 4 && (await filesOf(manager, SHIPMENT_EVENTS)) <= 4,
  );
  expect((await rig.catalog())?.number).toBe(9);
  expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(new Map(batches.map(({ batchId }) => [batchId, 4])));
  // The next commit stands on what was merged.
  batches.push(...(await commit(manager, 1)));
  expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(new Map(batches.map(({ batchId }) => [batchId, 4])));
  expect(rig.errors).toEqual([]);
});

test('nothing is rewritten when the disk is nearly full', async () => {
  const storage: Storage = { ...rig.lake.storage, freeBytes: async () => ({ free: 4, total: 100 }) };
  const manager = rig.manager({ settings: { compactFilesMin: 2 }, ports: { storage } });
  await manager.contracts.publish();
  await commit(manager, 4);
  await manager.rounds.maintain(quiet);
  expect(await filesOf(manager, EVENTS_TABLE)).toBe(4);
});

test('files that no retained version names are deleted once a period, across restarts, and never young ones', async () => {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: rig.database.url, max: 1 }) });
  try {
    let ahead = 0;
    const clock = { now: () => Date.now() + ahead };
    const ports = { vacuumRecord: new PrismaVacuumRecord(prisma), clock };
    const make = (): TableManager =>
      rig.manager({ settings: { compactFilesMin: 2, vacuumEveryMs: 6 * 3_600_000 }, ports });
    const first = make();
    await first.contracts.publish();
    const batches = await commit(first, 4);
    const parquet = async (): Promise<number> => {
      let count = 0;
      for await (const { path } of rig.lake.storage.list('clean/events/'))
        if (path.endsWith('.parquet') && !path.includes('_delta_log')) count++;
      return count;
    };
    await first.rounds.maintain(quiet);
    expect(await parquet()).toBe(5);
    ahead = 6 * DAY_MS;
    await make().rounds.maintain(quiet);
    const vacuumed = async (): Promise<unknown> => {
      const { rows } = await rig.database.pool.query('SELECT files FROM table_manager.vacuum_run WHERE table_id = $1', [
        EVENTS_TABLE,
      ]);
      return rows[0]?.files;
    };
    const second = make();
    await second.catalog.adopt();
    await second.rounds.maintain(quiet);
    expect(await vacuumed()).toBe(0);
    expect(await parquet()).toBe(5);

    // A clock that is a year ahead moves the horizon by a day.
    ahead = 365 * DAY_MS;
    const third = make();
    await third.catalog.adopt();
    await third.rounds.maintain(quiet);
    expect(await vacuumed()).toBe(0);
    expect(await parquet()).toBe(5);
    for (let day = 1; day <= 8; day++) {
      ahead += DAY_MS;
      await third.rounds.maintain(quiet);
    }
    expect(await parquet()).toBe(1);
    expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(new Map(batches.map(({ batchId }) => [batchId, 4])));
  } finally {
    await prisma.$disconnect();
  }
});
