import { type BatchStaged, CATALOG_PREFIX, type Catalog, EVENTS_TABLE, FATES_TABLE } from '@millrace/topics';
import { createRig, type Rig, until } from '../testing/rig';
import { martDifferences } from '../testing/mart-oracle';
import { SHIPMENT_EVENTS } from '../testing/staged-line';

let rig: Rig;
beforeEach(async () => (rig = await createRig()));
afterEach(() => rig.dispose());

const DAYS = ['2026-02-27', '2026-02-28', '2026-03-01'];

/** Every batch up to the catalog's number is whole in every table, and none beyond it is there. */
async function expectWhole(catalog: Catalog, batches: readonly BatchStaged[]): Promise<void> {
  const due = batches.filter(({ number }) => number <= catalog.number);
  for (const table of [EVENTS_TABLE, SHIPMENT_EVENTS, FATES_TABLE]) {
    const wanted = due.flatMap(({ batchId, files }) =>
      files.filter((f) => f.table === table).map((f) => [batchId, f.rows] as const),
    );
    expect({ catalog: catalog.version, table, rows: await rig.rowsByBatch(table, catalog) }).toEqual({
      catalog: catalog.version,
      table,
      rows: new Map(wanted),
    });
  }
}

test('a reader sees every number whole or not at all, while tables are written and compacted', async () => {
  let compactions = 0;
  const stall = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  const manager = rig.manager({
    failpoint: stall,
    settings: { commitBatchesMax: 2, compactFilesMin: 2, compactEveryMs: 20 },
    events: { onCompacted: () => compactions++ },
  });
  await manager.work.start();
  const batches: BatchStaged[] = [];
  const seen = new Set<number>();
  const landing = (async (): Promise<void> => {
    for (let i = 0; i < 24; i++) {
      // The reader has seen something in between, however slow it is beside the writer.
      await until(() => seen.size >= Math.floor(i / 6), 60_000);
      batches.push(await rig.line.batch({ rows: 8, fates: 2, days: DAYS }));
      await rig.announce(batches[i]);
    }
  })();
  await until(async () => {
    const catalog = await rig.catalog();
    if (!catalog) return false;
    await expectWhole(catalog, batches);
    seen.add(catalog.number);
    return catalog.number === 24;
  }, 60_000);
  await landing;
  expect(seen.size).toBeGreaterThan(3);
  await until(() => compactions > 0);
  expect(rig.errors).toEqual([]);
}, 90_000);

test('each catalog is a state that was: of the tables it names, marts hold the number that they say', async () => {
  const manager = rig.manager({ settings: { commitBatchesMax: 1, compactFilesMin: 2, compactEveryMs: 30 } });
  await manager.work.start();
  const batches: BatchStaged[] = [];
  for (let i = 0; i < 8; i++) {
    batches.push(await rig.line.batch({ rows: 12, fates: 1, days: DAYS.slice(i % 2) }));
    await rig.announce(batches[i]);
  }
  await until(
    async () => Object.values((await rig.catalog())?.tables ?? {}).filter(({ builtTo }) => builtTo === 8).length === 3,
  );
  await manager.work.stop();
  let versions = 0;
  let newest: Catalog | null = null;
  for await (const { path } of rig.lake.storage.list(CATALOG_PREFIX)) {
    const catalog = JSON.parse((await rig.lake.storage.get(path)).toString('utf8')) as Catalog;
    expect(catalog.version).toBe(++versions);
    expect(catalog.number).toBeGreaterThanOrEqual(newest?.number ?? 0);
    await expectWhole(catalog, batches);
    // What a mart says of itself may be less than it holds, never more: with nothing left behind it is exact.
    const built = Math.min(
      ...['mart.shipments_daily', 'mart.on_time_performance', 'mart.exceptions'].map(
        (id) => catalog.tables[id]?.builtTo ?? 0,
      ),
    );
    if (built === catalog.number && built > 0) {
      const differences = await martDifferences(
        rig,
        batches.filter(({ number }) => number <= built),
        catalog,
      );
      expect({ version: catalog.version, ...differences }).toEqual({
        ...{ version: catalog.version, 'mart.shipments_daily': 0, 'mart.on_time_performance': 0, 'mart.exceptions': 0 },
      });
    }
    newest = catalog;
  }
  expect(versions).toBeGreaterThanOrEqual(9);
});
