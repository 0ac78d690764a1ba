import { contractParsedPath, contractVersionPath, loadContract, readCatalogDir } from '@millrace/contracts';
import { type BatchStaged, EVENTS_TABLE, FATES_TABLE, type TablesChanged, TOPICS } from '@millrace/topics';
import { createRig, type Rig, until } from '../testing/rig';
import { SHIPMENT_EVENTS, shipmentContract, StagedLine } from '../testing/staged-line';

let rig: Rig;
beforeEach(async () => (rig = await createRig()));
afterEach(() => rig.dispose());

const reached = (number: number) => async (): Promise<boolean> => ((await rig.catalog())?.number ?? 0) >= number;
const cursor = async (): Promise<number> => {
  const { rows } = await rig.database.pool.query('SELECT number FROM table_manager.cursor');
  return Number(rows[0]?.number ?? -1);
};
const applied = (number: number) => async (): Promise<boolean> => (await cursor()) >= number;
const landed = async (n: number, content = {}): Promise<BatchStaged[]> => {
  const batches: BatchStaged[] = [];
  for (let i = 0; i < n; i++) batches.push(await rig.line.batch(content));
  return batches;
};
const all = (batches: readonly BatchStaged[], rows: number): Map<number, number> =>
  new Map(batches.map(({ batchId }) => [batchId, rows]));

test('batches re-sent and out of order are in every table once', async () => {
  const batches = await landed(9, { rows: 20, fates: 3 });
  const { work } = rig.manager({ settings: { commitBatchesMax: 4 } });
  await work.start();
  await rig.announce(batches[2], batches[0], batches[0]);
  await rig.announce(batches[1]);
  await until(applied(3));
  await rig.announce(...batches.toReversed(), ...batches);
  await until(applied(9));
  await rig.announce(...batches);
  for (const [table, rows] of [
    [EVENTS_TABLE, 20],
    [SHIPMENT_EVENTS, 20],
    [FATES_TABLE, 3],
  ] as const) {
    expect(await rig.rowsByBatch(table)).toEqual(all(batches, rows));
  }
  expect(rig.errors).toEqual([]);
});

test('nothing beyond a missing number is committed until it comes', async () => {
  const batches = await landed(4);
  const { work } = rig.manager();
  await work.start();
  await rig.announce(batches[0], batches[2], batches[3]);
  await until(applied(1));
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(await cursor()).toBe(1);
  expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(all(batches.slice(0, 1), 20));
  await rig.announce(batches[1]);
  await until(applied(4));
  expect(await rig.rowsByBatch(EVENTS_TABLE)).toEqual(all(batches, 20));
});

test('a number announced with another batch stops the line before it, for good', async () => {
  const batches = await landed(4);
  await rig.announce(batches[1], { ...batches[1], batchId: 999 }, batches[2], batches[3], batches[0]);
  const { work, fault } = rig.manager();
  await work.start();
  await until(() => fault() !== null && rig.errors.some((error) => /announced as batch/.test(String(error))));
  await rig.announce(batches[0]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await cursor()).toBeLessThanOrEqual(1);
  await work.stop();

  const { work: next, fault: why } = rig.manager();
  await next.start();
  await until(() => why() !== null);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await cursor()).toBeLessThanOrEqual(1);
});

test('a committed number announced with another batch is a contradiction, too', async () => {
  const [first] = await landed(1);
  const { work, fault } = rig.manager();
  await work.start();
  await rig.announce(first);
  await until(applied(1));
  await rig.announce({ ...first, batchId: 999 });
  await until(() => fault() !== null);
  expect(String(rig.errors[0])).toMatch('number 1 was announced as batch 999, and is batch 10');
});

test('batches of another lake are not committed to this one', async () => {
  const [first] = await landed(1);
  const { work } = rig.manager();
  await work.start();
  await rig.announce(first);
  await until(applied(1));
  const stranger = new StagedLine(rig.lake.duck, rig.lake.storage, '0190aaaa-0000-7000-8000-00000000000f');
  await rig.announce(await stranger.batch({ number: 2 }));
  await until(() => rig.errors.length > 0);
  expect(String(rig.errors[0])).toMatch('is of line 0190aaaa-0000-7000-8000-00000000000f');
  expect(await cursor()).toBe(1);
});

test('batches without rows move the line on and touch no table', async () => {
  const batches = await landed(3, { rows: 0 });
  const { work } = rig.manager();
  await work.start();
  await rig.announce(...batches);
  await until(applied(3));
  expect((await rig.catalog())?.tables).toEqual({});
  // It is said once the cursor has moved.
  await until(async () => {
    const messages = await rig.sent<TablesChanged>(TOPICS.tablesChanged.name);
    return Math.max(0, ...messages.map(({ number }) => number)) === 3;
  });
});

test('a message names each commit once, and says it again to a sender who missed it', async () => {
  const batches = await landed(3, { rows: 4 });
  const { work } = rig.manager();
  await work.start();
  await rig.announce(...batches);
  await until(applied(3));
  const commits = async (): Promise<TablesChanged[]> =>
    (await rig.sent<TablesChanged>(TOPICS.tablesChanged.name)).filter(
      ({ rebuilt, from, number }) => !rebuilt && from <= number,
    );
  await until(async () => (await commits()).at(-1)?.number === 3);
  const ranges = (await commits()).map(({ from, number }) => [from, number]);
  expect(ranges.flatMap(([from, number]) => Array.from({ length: number - from + 1 }, (_, i) => from + i))).toEqual([
    1, 2, 3,
  ]);

  const answers = async (): Promise<TablesChanged[]> =>
    (await rig.sent<TablesChanged>(TOPICS.tablesChanged.name)).filter(
      ({ rebuilt, from, number }) => !rebuilt && from === number + 1,
    );
  expect(await answers()).toEqual([]);
  await rig.announce(batches[0]);
  await until(async () => (await answers()).length === 1);
  expect((await answers())[0]).toMatchObject({ lineId: rig.line.lineId, number: 3, from: 4, tables: {} });
});

test('a table gains the columns that its contract gains, and the old rows have none there', async () => {
  const bundled = readCatalogDir();
  const first = rig.manager();
  await first.work.start();
  const before = await rig.line.batch({ rows: 8 });
  await rig.announce(before);
  await until(applied(1));
  await first.work.stop();

  const yaml = bundled[0].yaml
    .replace('version: 1.0.0', 'version: 1.1.0')
    .replace(
      '      - name: service_no\n',
      '      - name: weight_kg\n        logicalType: number\n        description: Weight.\n      - name: service_no\n',
    );
  const widened = { ...bundled[0], yaml, contract: loadContract(yaml) };
  const { work } = rig.manager({ contracts: [widened] });
  await work.start();
  const after = await rig.line.batch({ rows: 8, typed: { weight_kg: '(1.5 * i)::DOUBLE' }, contractsIndex: 2 });
  await rig.announce(after, await rig.line.batch({ rows: 4 }));
  await until(applied(3));
  const rows = await rig.query(
    (relation) => `SELECT _batch_id AS id, count(*) AS n, sum(weight_kg) AS kg FROM ${relation} GROUP BY 1 ORDER BY 1`,
    SHIPMENT_EVENTS,
  );
  expect(rows).toEqual([
    { id: 10, n: 8, kg: null },
    { id: 20, n: 8, kg: 42 },
    { id: 30, n: 4, kg: null },
  ]);
});

test('a contract that was published meanwhile is looked for before its rows are refused', async () => {
  const { work, contracts } = rig.manager();
  await work.start();
  expect(contracts.current().index).toBe(1);
  const other = readCatalogDir()[0]
    .yaml.replace('name: shipment_status_changed\nversion', 'name: parcel_scanned\nversion')
    .replace('physicalName: shipment_events', 'physicalName: parcel_scans')
    .replace('value: [shipment.status.changed]', 'value: [parcel.scanned]');
  const sibling = rig.manager({
    contracts: [...readCatalogDir(), { ...readCatalogDir()[0], yaml: other, contract: loadContract(other) }],
  });
  await sibling.contracts.publish();
  const batch = await rig.line.batch({ rows: 8, contractsIndex: 2 });
  const files = batch.files.map((file) =>
    file.table === SHIPMENT_EVENTS ? { ...file, table: 'clean.parcel_scans' } : file,
  );
  await rig.announce({ ...batch, files });
  await until(applied(1));
  expect(await rig.rowsByBatch('clean.parcel_scans')).toEqual(new Map([[10, 8]]));
  expect(rig.errors).toEqual([]);
});

test('rows of a contract whose file cannot be used any more are committed to the table that they have', async () => {
  const first = rig.manager();
  await first.work.start();
  await rig.announce(await rig.line.batch({ rows: 8 }));
  await until(applied(1));
  await first.work.stop();

  const { name, version } = readCatalogDir()[0].contract;
  await rig.lake.storage.delete(contractVersionPath(name, version));
  await rig.lake.storage.delete(contractParsedPath(name, version));
  const { work, contracts } = rig.manager({ contracts: [] });
  await work.start();
  expect(contracts.current().unavailable).toMatchObject([{ name, version }]);
  await rig.announce(await rig.line.batch({ rows: 5, days: ['2026-03-02'] }));
  await until(applied(2));
  expect(await rig.rowsByBatch(SHIPMENT_EVENTS)).toEqual(
    new Map([
      [10, 8],
      [20, 5],
    ]),
  );
  const days = await rig.query(
    (relation) => `SELECT event_date::text AS day FROM ${relation} WHERE _batch_id = 20 GROUP BY 1`,
    SHIPMENT_EVENTS,
  );
  expect(days).toEqual([{ day: '2026-03-02' }]);
  expect(rig.errors).toEqual([]);
});

test('rows keep their values and get the commit time and their partition', async () => {
  const { work } = rig.manager();
  await work.start();
  const batch = await rig.line.batch({ rows: 12, days: ['2026-02-27', '2026-03-01'] });
  await rig.announce(batch);
  await until(reached(1));
  for (const table of [EVENTS_TABLE, SHIPMENT_EVENTS]) {
    const staged = await rig.lake.storage.localPath(batch.files.find((file) => file.table === table)?.path as string);
    const columns =
      table === EVENTS_TABLE
        ? '* EXCLUDE (_loaded_at)'
        : shipmentContract()
            .columns.map(({ name }) => name)
            .join(', ');
    const [difference] = await rig.query(
      (relation) =>
        `SELECT count(*) AS n FROM (SELECT ${columns} FROM ${relation} EXCEPT ALL SELECT ${columns.replace('* EXCLUDE (_loaded_at)', '*')} FROM '${staged}')`,
      table,
    );
    expect(difference).toEqual({ n: 0 });
    const [row] = await rig.query(
      (relation) =>
        `SELECT bool_and(event_date = event_time::DATE) AS dated, bool_and(abs(epoch(now()) - epoch(_loaded_at)) < 60) AS loaded, count(*) AS n FROM ${relation}`,
      table,
    );
    expect(row).toEqual({ dated: true, loaded: true, n: 12 });
  }
});
