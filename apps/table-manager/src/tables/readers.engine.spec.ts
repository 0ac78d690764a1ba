import { type DeltaReaders, DELTA_READERS, deltaReaders, differences } from '@millrace/lakehouse/testing';
import { MARTS } from '@millrace/marts';
import { type BatchStaged, EVENTS_TABLE, FATES_TABLE, tableRoot } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import { createRig, type Rig } from '../testing/rig';
import { SHIPMENT_EVENTS } from '../testing/staged-line';

let rig: Rig;
let readers: DeltaReaders | null;
beforeAll(async () => {
  rig = await createRig();
  readers = await deltaReaders();
}, 300_000);
afterAll(async () => {
  await readers?.close();
  await rig.dispose();
});

const DAYS = ['2026-02-27', '2026-02-28', '2026-03-01'];

test('independent readers find in every table what we find: after commits, compaction and rebuilds, past and present', async () => {
  if (!readers) return;
  const manager = rig.manager({ settings: { compactFilesMin: 2 } });
  await manager.contracts.publish();
  const store = new PostgresCommitStore(rig.database.pool);
  const past = new Map<string, number>();
  const land = async (rounds: number): Promise<void> => {
    const batches: BatchStaged[] = [];
    for (let i = 0; i < rounds; i++) {
      batches.push(await rig.line.batch({ rows: 50, fates: 3, days: DAYS }));
      await store.receive(batches.slice(-1));
      await manager.rounds.commit();
      await manager.rounds.rebuild();
    }
  };
  const tables = [EVENTS_TABLE, SHIPMENT_EVENTS, FATES_TABLE, ...MARTS.map(({ id }) => id)];
  await land(3);
  for (const id of tables) past.set(id, (await rig.catalog())?.tables[id].version as number);
  await manager.rounds.maintain(new AbortController().signal);
  await land(2);
  await manager.tables.settled();

  const { duck, folder } = rig.lake;
  for (const id of tables) {
    const table = await manager.tables.find(id);
    if (!table) throw new Error(`there is no table ${id}`);
    for (const version of [past.get(id) as number, (await rig.catalog())?.tables[id].version as number]) {
      const ours = await table.scanSql(await table.at({ version }));
      for (const reader of DELTA_READERS) {
        const parquet = await readers.read(reader, `${folder}/${tableRoot(id)}`, version);
        const found = await duck.use((connection) => differences(connection, ours, parquet));
        expect({ id, version, reader, ...found, rows: found.rows > 0 }).toEqual({
          ...{ id, version, reader, rows: true, onlyOurs: 0, onlyTheirs: 0, otherColumns: [] },
        });
      }
    }
  }
  const described = await readers.describe(`${folder}/${tableRoot(EVENTS_TABLE)}`, rig.line.lineId);
  expect(described).toMatchObject({ partitionColumns: ['event_date'], transaction: 5 });
}, 300_000);
