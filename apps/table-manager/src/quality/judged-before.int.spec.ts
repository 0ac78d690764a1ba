import { compile, loadContract, readCatalogDir } from '@millrace/contracts';
import type { BatchStaged } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { createRig, type Rig } from '../testing/rig';
import type { OtherEvents } from '../testing/staged-line';
import { JudgedBefore } from './judged-before';

/** That of the rig's events of other types. */
const DAY = '2026-03-01';

function parcels() {
  const yaml = `
apiVersion: v3.1.0
kind: DataContract
id: parcels
name: parcels
version: 1.0.0
status: active
schema:
  - name: parcels
    quality: [{ id: enough, metric: rowCount, mustBeGreaterThan: 1 }]
    properties: [{ name: size, logicalType: string, quality: [{ id: sized, metric: nullValues, mustBe: 0 }] }]
customProperties:
  - { property: eventTypes, value: [parcel] }
`;
  return { file: 'parcels.odcs.yaml', name: 'parcels', version: '1.0.0', yaml, contract: loadContract(yaml) };
}
function shipments() {
  const [bundled] = readCatalogDir();
  const rule = '\n    quality: [{ id: many, metric: rowCount, mustBeGreaterThan: 20 }]\n    properties:';
  const yaml = bundled.yaml.replace('\n    properties:', rule);
  return { ...bundled, yaml, contract: loadContract(yaml) };
}
const CONTRACT = parcels();
const COMPILED = compile(CONTRACT.contract);

let rig: Rig;
let store: PostgresCommitStore;
let manager: TableManager;
const start = async (): Promise<void> => {
  manager = rig.manager({ contracts: [shipments(), CONTRACT] });
  await manager.contracts.publish();
  await manager.catalog.adopt();
};
beforeEach(async () => {
  rig = await createRig();
  store = new PostgresCommitStore(rig.database.pool);
  await start();
});
afterEach(() => rig.dispose());

/** Commits, rebuilds, and tells which datasets were judged for it, and which were taken over. */
async function commit(...batches: BatchStaged[]): Promise<{ judged: string[]; taken: string[] }> {
  const query = jest.spyOn(rig.lake.duck, 'query');
  try {
    await store.receive(batches);
    while (await manager.rounds.commit());
    while (await manager.rounds.rebuild());
    const asked = query.mock.calls.map(([sql]) => sql).filter((sql) => /^INSERT INTO quality_/.test(sql));
    const of = (some: string[]): string[] =>
      ['parcels', 'shipment_status_changed'].filter((name) => some.some((sql) => sql.includes(`'${name}'`)));
    const isCopy = (sql: string): boolean => sql.includes('WHERE dataset IN (');
    return { judged: of(asked.filter((sql) => !isCopy(sql))), taken: of(asked.filter(isCopy)) };
  } finally {
    query.mockRestore();
  }
}
const parcel = (...payloads: object[]): OtherEvents => ({ eventType: 'parcel', contract: COMPILED, payloads });
const results = async (): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    (
      await rig.query(
        (r) =>
          `SELECT dataset, rule, checked::int AS checked, passed, status FROM ${r} WHERE event_date = DATE '${DAY}'`,
        'dq.results',
      )
    ).map(({ dataset, rule, checked, passed, status }) => [`${dataset} ${rule}`, [checked, passed, status]]),
  );

test('of a day those datasets are judged again that have changed, and the others are as they were', async () => {
  const both = { judged: ['parcels', 'shipment_status_changed'], taken: [] };
  const batch = (rows: number, ...others: OtherEvents[]) => rig.line.batch({ rows, days: [DAY], others });
  expect(await commit(await batch(12, parcel({ size: 's' })))).toEqual(both);
  const parcelsThen = { 'parcels enough': [1, false, 'failed'], 'parcels sized': [1, true, 'passed'] };
  expect(await results()).toEqual({ ...parcelsThen, 'shipment_status_changed many': [12, false, 'failed'] });

  expect(await commit(await batch(12))).toEqual({ judged: ['shipment_status_changed'], taken: ['parcels'] });
  expect(await results()).toEqual({ ...parcelsThen, 'shipment_status_changed many': [24, true, 'passed'] });

  expect(await commit(await batch(0, parcel({ size: null })))).toEqual({
    judged: ['parcels'],
    taken: ['shipment_status_changed'],
  });
  const last = {
    ...{ 'parcels enough': [2, true, 'passed'], 'parcels sized': [2, false, 'failed'] },
    'shipment_status_changed many': [24, true, 'passed'],
  };
  expect(await results()).toEqual(last);

  // A process that has just begun knows of nothing.
  await start();
  expect(await commit(await batch(12))).toEqual(both);
  expect(await results()).toEqual({ ...last, 'shipment_status_changed many': [36, true, 'passed'] });
  expect(rig.errors).toEqual([]);
});

test('where there are no rows for other marts, results of quality are no reason to miss their sources', async () => {
  const only = await rig.line.batch({ rows: 0, others: [parcel({ size: 's' })] });
  expect(await commit(only)).toEqual({ judged: ['parcels'], taken: [] });
  expect(manager.setbacks.all()).toEqual([]);
  expect(rig.errors).toEqual([]);
});

test('results that are not those of the judgement are not taken over', async () => {
  await commit(await rig.line.batch({ rows: 12, days: [DAY], others: [parcel({ size: 's' })] }));
  const { duck } = rig.lake;
  const earlier = await rig.query((r) => `SELECT * FROM ${r}`, 'dq.results');
  expect(earlier).toHaveLength(3);
  const { table } = await manager.tables.ensure('dq.results');
  await duck.query(`CREATE TABLE now_judged AS ${await table.scanSql(table.snapshot)}`);
  const before = new JudgedBefore(duck);
  await before.note('now_judged', DAY, new Map([['parcels', 'files 1']]));
  const takeOver = async (from: string, relation: string | null): Promise<string[]> => {
    await duck.query('CREATE OR REPLACE TABLE taken AS SELECT * FROM now_judged LIMIT 0');
    return [...(await before.takeOver('taken', DAY, new Map([['parcels', from]]), relation))];
  };
  expect(await takeOver('files 1', '(SELECT * FROM now_judged)')).toEqual(['parcels']);
  expect(await duck.query('SELECT DISTINCT dataset FROM taken')).toEqual([{ dataset: 'parcels' }]);
  expect(await takeOver('files 2', '(SELECT * FROM now_judged)')).toEqual([]);
  expect(await takeOver('files 1', null)).toEqual([]);
  expect(await takeOver('files 1', '(SELECT * REPLACE (7::BIGINT AS checked) FROM now_judged)')).toEqual([]);
  expect(await takeOver('files 1', `read_parquet('/nowhere/*.parquet')`)).toEqual([]);
  expect(await duck.query('SELECT * FROM taken')).toEqual([]);
});
