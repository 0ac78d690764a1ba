import type { BatchStaged } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { damageFile } from '../testing/damage';
import { createRig, type Rig, until } from '../testing/rig';
import type { DimensionChange } from '../testing/staged-line';

let rig: Rig;
let store: PostgresCommitStore;
let manager: TableManager;
beforeEach(async () => {
  rig = await createRig();
  store = new PostgresCommitStore(rig.database.pool);
  manager = rig.manager();
  await manager.contracts.publish();
});
afterEach(() => rig.dispose());

const MART = 'mart.on_time_performance';
const EVER = '0001-01-01T00:00:00Z';
const NAME = [{ name: 'name', type: 'string' }];
const DAYS = ['2026-02-26', '2026-02-27', '2026-02-28'];

/** Commits a batch, and rebuilds what is stale; says which partitions of the on-time mart that were. */
async function commit(batch: BatchStaged): Promise<string[]> {
  await store.receive([batch]);
  while (await manager.rounds.commit());
  const stale = (await store.stale([MART], 1_000)).marts.get(MART)?.stale ?? [];
  while (await manager.rounds.rebuild());
  return stale.map(({ partition }) => partition).sort();
}
const carriers = (...changes: DimensionChange[]): Promise<BatchStaged> => rig.line.dimension('carriers', NAME, changes);

/** Names of a carrier by day, as the mart has them. */
async function names(carrier: string): Promise<Record<string, unknown>> {
  const rows = await rig.query(
    (relation) =>
      `SELECT DISTINCT service_date::VARCHAR AS day, carrier_name FROM ${relation} WHERE carrier_code = '${carrier}' ORDER BY 1`,
    MART,
  );
  return Object.fromEntries(rows.map((row) => [row.day, row.carrier_name]));
}

test('a dimension that comes later corrects the partitions that used it, and no others', async () => {
  // Nine shipments, three carriers on each of three days.
  const shipments = await rig.line.batch({ rows: 36, days: DAYS.flatMap((day) => [day, day, day]) });
  expect(await commit(shipments)).toEqual(DAYS);
  expect(await names('AA')).toEqual({ [DAYS[0]]: null, [DAYS[1]]: null, [DAYS[2]]: null });

  expect(await commit(await carriers({ key: 'AA', from: EVER, values: { name: 'American' } }))).toEqual(DAYS);
  expect(await names('AA')).toEqual({ [DAYS[0]]: 'American', [DAYS[1]]: 'American', [DAYS[2]]: 'American' });
  expect(await names('UA')).toEqual({ [DAYS[0]]: null, [DAYS[1]]: null, [DAYS[2]]: null });

  // From the second day on, as known now; and of one day only, as was found out afterwards.
  expect(
    await commit(await carriers({ key: 'AA', from: '2026-02-27T00:00:00Z', values: { name: 'AA Inc.' } })),
  ).toEqual(DAYS.slice(1));
  const oneDay = { key: 'AA', from: '2026-02-26T00:00:00Z', to: '2026-02-27T00:00:00Z', values: { name: 'Old' } };
  expect(await commit(await carriers(oneDay))).toEqual([DAYS[0]]);
  expect(await names('AA')).toEqual({ [DAYS[0]]: 'Old', [DAYS[1]]: 'AA Inc.', [DAYS[2]]: 'AA Inc.' });

  // The same instant again: the later load counts. A key that is no more has no name from then on.
  await commit(await carriers({ key: 'AA', from: '2026-02-27T00:00:00Z', values: { name: 'AA' } }));
  await commit(await carriers({ key: 'AA', from: '2026-02-28T00:00:00Z', values: null }));
  expect(await names('AA')).toEqual({ [DAYS[0]]: 'Old', [DAYS[1]]: 'AA', [DAYS[2]]: null });

  // Nobody flew with it, or not then.
  expect(await commit(await carriers({ key: 'ZZ', from: EVER, values: { name: 'None' } }))).toEqual([]);
  expect(await commit(await carriers({ key: 'AA', from: '2026-03-05T00:00:00Z', values: { name: 'x' } }))).toEqual([]);
});

test('a source that cannot be read holds up no load: all that the mart has is built again, once it can be', async () => {
  await commit(await rig.line.batch({ rows: 36, days: DAYS.flatMap((day) => [day, day, day]) }));
  const mend = await damageFile(rig, manager, 'clean.shipment_events', DAYS[0]);
  // Which days use it cannot be told.
  expect(await commit(await carriers({ key: 'AA', from: '2026-02-27T00:00:00Z', values: { name: 'AA' } }))).toEqual(
    DAYS,
  );
  expect(await names('AA')).toEqual({ [DAYS[0]]: null, [DAYS[1]]: 'AA', [DAYS[2]]: 'AA' });
  expect(manager.setbacks.all().map(({ partition }) => partition)).toContain(DAYS[0]);
  await mend();
  await until(async () => {
    await manager.rounds.rebuild();
    return manager.setbacks.all().length === 0;
  });
  expect(await names('AA')).toEqual({ [DAYS[0]]: null, [DAYS[1]]: 'AA', [DAYS[2]]: 'AA' });
  expect(rig.errors).toEqual([]);
});

test('attributes that are added become columns, and shipments that land later find the names', async () => {
  await commit(await carriers({ key: 'UA', from: EVER, values: { name: 'United' } }));
  const more = [...NAME, { name: 'country', type: 'string' }];
  const change = { key: 'UA', from: '2026-02-28T00:00:00Z', values: { name: 'United 2', country: 'US' } };
  await commit(await rig.line.dimension('carriers', more, [change]));
  await commit(
    await rig.line.dimension(
      'facilities',
      [{ name: 'size', type: 'long' }],
      [{ key: 'JFK', from: EVER, values: { size: '7' } }],
    ),
  );
  await commit(await rig.line.batch({ rows: 36, days: DAYS.flatMap((day) => [day, day, day]) }));
  expect(await names('UA')).toEqual({ [DAYS[0]]: 'United', [DAYS[1]]: 'United', [DAYS[2]]: 'United 2' });
  const rows = await rig.query((relation) => `SELECT country FROM ${relation} ORDER BY valid_from`, 'dim.carriers');
  expect(rows).toEqual([{ country: null }, { country: 'US' }]);
  expect(rig.errors).toEqual([]);
});
