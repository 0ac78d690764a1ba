import { type BatchRule, compile, contractSet, loadContract, readCatalogDir } from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse/duckdb';
import { type QualityMart, qualityMart } from '@millrace/marts';
import { systemClock } from '@millrace/observability';
import type { BatchStaged } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { damageFile } from '../testing/damage';
import { createRig, type Rig, until } from '../testing/rig';
import type { OtherEvents } from '../testing/staged-line';
import { TablePool } from '../tables/table-pool';
import { QualityJudge } from '../quality/quality-judge';

/** The bundled contract with rules about many rows. */
function withRules() {
  const [bundled] = readCatalogDir();
  const rules = `
  - property: rules
    value:
      - { id: eta_after_pickup, left: $.payload.eta, is: '>', right: $.payload.planned_pickup, severity: warning }
      - { id: known_facility, key: $.payload.facility_id, in: { dimension: facilities }, severity: warning }
      - { id: own_shipment, key: $.payload.shipment_id, in: { table: clean.shipment_events, column: shipment_id } }
      - { id: no_such_column_yet, key: $.payload.shipment_id, in: { table: clean.shipment_events, column: order } }
`;
  const quality = `
    quality:
      - { id: enough, type: library, metric: rowCount, mustBeGreaterThan: 20, dimension: completeness }
      - { id: once, type: library, metric: duplicateValues, arguments: { properties: [shipment_id, status] }, mustBe: 0 }
    properties:`;
  const yaml = bundled.yaml
    .replace('\n    properties:', quality)
    .replace(
      '        description: Length of the lane in whole miles.',
      `        description: Length of the lane in whole miles.
        quality:
          - { id: short, type: library, metric: invalidValues, arguments: { validValues: [100, 101] }, unit: percent, mustBeLessThan: 50, severity: warning }`,
    )
    .replace(
      "        description: The carrier's number of the service.",
      `        description: The carrier's number of the service.
        quality:
          - { id: numbered, type: library, metric: missingValues, arguments: { missingValues: [0, null] }, mustBeLessOrEqualTo: 3 }`,
    );
  return { ...bundled, yaml: yaml + rules, contract: loadContract(yaml + rules) };
}

let rig: Rig;
let store: PostgresCommitStore;
let manager: TableManager;
beforeEach(async () => {
  rig = await createRig();
  store = new PostgresCommitStore(rig.database.pool);
  manager = rig.manager({ contracts: [withRules()] });
  await manager.contracts.publish();
});
afterEach(() => rig.dispose());

async function commit(...batches: BatchStaged[]): Promise<void> {
  await store.receive(batches);
  while (await manager.rounds.commit());
  while (await manager.rounds.rebuild());
}

/** Judgements of each tenant and rule, with what kept them from being made. */
async function statuses(day: string): Promise<Record<string, unknown>> {
  const rows = await rig.query(
    (relation) => `SELECT tenant_id, rule, status, error FROM ${relation} WHERE event_date = DATE '${day}'`,
    'dq.results',
  );
  return Object.fromEntries(rows.map((row) => [`${row.tenant_id} ${row.rule}`, row.error ?? row.status]));
}

async function results(day: string): Promise<Record<string, unknown>> {
  const rows = await rig.query(
    (relation) =>
      `SELECT rule, checked::int AS checked, failed::int AS failed, passed, failing_events FROM ${relation}
        WHERE event_date = DATE '${day}' AND tenant_id = 'demo' AND dataset = 'shipment_status_changed'`,
    'dq.results',
  );
  return Object.fromEntries(
    rows.map(({ rule, checked, failed, passed, failing_events: samples }) => [
      rule,
      [checked, failed, passed, (JSON.parse(String(samples)) as string[]).length],
    ]),
  );
}

test('rules about many rows are judged by day, again whenever their rows change, with samples of what fails', async () => {
  // Twelve events of three shipments on one day, at 100 to 102 miles and with the numbers 0 to 2.
  await commit(await rig.line.batch({ rows: 12, days: ['2026-02-27'] }));
  expect(await results('2026-02-27')).toEqual({
    enough: [12, null, false, 0],
    once: [12, 0, true, 0],
    short: [12, 4, true, 4],
    numbered: [12, 4, false, 4],
    eta_after_pickup: [12, 0, true, 0],
    known_facility: [12, 12, false, 10],
    own_shipment: [12, 0, true, 0],
  });

  const facilities = ['EWR', 'JFK'].map((key) => ({ key, from: '0001-01-01T00:00:00Z', values: { name: key } }));
  await commit(await rig.line.dimension('facilities', [{ name: 'name', type: 'string' }], facilities));
  await commit(
    await rig.line.batch({ rows: 12, days: ['2026-02-27'] }),
    await rig.line.batch({ rows: 8, days: ['2026-02-28'], typed: { shipment_id: `'same'`, status: `'created'` } }),
  );
  expect(await results('2026-02-27')).toMatchObject({ enough: [24, null, true, 0], known_facility: [24, 8, false, 8] });
  expect(await results('2026-02-28')).toMatchObject({ once: [8, 7, false, 7], enough: [8, null, false, 0] });
  expect(rig.errors).toEqual([]);
});

/** A contract whose table has a column of another type than its rule takes it for. */
function withClash() {
  const yaml = `
apiVersion: v3.1.0
kind: DataContract
id: parcels
name: parcels
version: 1.0.0
status: active
schema:
  - name: parcels
    quality: [{ id: enough, metric: rowCount, mustBeGreaterThan: 0 }]
    properties:
      - { name: size, logicalType: string }
      - { name: id, logicalType: string, quality: [{ id: present, metric: nullValues, mustBe: 0 }] }
customProperties:
  - { property: eventTypes, value: [parcel] }
`;
  const contract = loadContract(yaml);
  const clash: BatchRule = {
    ...contract.quality.batches[0],
    ...{ id: 'big', severity: 'warning', unit: 'rows', threshold: { op: '=', value: 0 } },
    measure: { metric: 'comparison', comparison: { left: 'size', op: '>', right: { value: 3 } } },
  };
  const quality = { ...contract.quality, batches: [...contract.quality.batches, clash] };
  return { name: 'parcels', version: '1.0.0', yaml, contract: { ...contract, quality } };
}

test('a rule that does not go with the rows of one tenant says so, and keeps no other from being judged', async () => {
  const parcels = withClash();
  const compiled = compile(parcels.contract);
  const tables = new TablePool({
    ...{ storage: rig.lake.storage, duck: rig.lake.duck, clock: systemClock, targetFileBytes: 1 << 20 },
    ...{ contracts: () => contractSet(1, [compiled]), onBackgroundError: (error) => rig.errors.push(error) },
  });
  const events = (tenant: string, size: string): OtherEvents => ({
    ...{ eventType: `parcel`, contract: compiled, tenant },
    payloads: [{ id: 'a', size }],
  });
  const first = await rig.line.batch({ rows: 0, others: [events('one', '7')] });
  const second = await rig.line.batch({ rows: 0, others: [events('two', 'large')] });
  const { table } = await tables.ensure('clean.parcels');
  const files = [...first.files, ...second.files].filter((file) => file.table === 'clean.parcels');
  await table.appendFiles({
    files: await Promise.all(files.map(({ path }) => rig.lake.storage.localPath(path))),
    set: { _loaded_at: `TIMESTAMPTZ '2026-03-01T00:00:00Z'` },
    compression: 'snappy',
  });
  const judge = async (duck: Pick<Duck, 'query'>): Promise<unknown[][]> => {
    const at = new Map([['clean.parcels', { table, snapshot: table.snapshot }]]);
    const days = ['2026-03-01', '2026-03-02'];
    const judged = await new QualityJudge(duck, Date.now).judge(qualityMart([compiled]) as QualityMart, days, at);
    const rows = await duck.query(`SELECT tenant_id, rule, status, error FROM (${judged.source}) ORDER BY 1, 2`);
    // The same rows would fail again: nothing is left to be tried.
    expect(judged.unsettled.size).toBe(0);
    await judged.close();
    await expect(duck.query(judged.source)).rejects.toThrow();
    return rows.map((row) => [row.tenant_id, row.rule, row.status, row.error]);
  };
  const passed = (tenant: string, ...rules: string[]) => rules.map((rule) => [tenant, rule, 'passed', null]);
  const notRead = 'DUCK_STATEMENT: the tables do not have the columns or types that it reads';
  expect(await judge(rig.lake.duck)).toEqual([
    ...[['one', 'big', 'error', notRead], ...passed('one', 'enough', 'present')],
    ...[['two', 'big', 'error', notRead], ...passed('two', 'enough', 'present')],
  ]);
  // Read as a number, which it is in the rows of one of the two.
  const lenient: Pick<Duck, 'query'> = {
    query: (sql, ...more) => rig.lake.duck.query(sql.replaceAll('t.size > 3', 'CAST(t.size AS BIGINT) > 3'), ...more),
  };
  const clash = 'DUCK_CONVERSION: a value does not fit the type that it is read as';
  expect(await judge(lenient)).toEqual([
    ...passed('one', 'big', 'enough', 'present'),
    ...[['two', 'big', 'error', clash], ...passed('two', 'enough', 'present')],
  ]);
});

test('rows that cannot be read are said to be so, the other days are judged, and the day is once they can', async () => {
  const days = ['2026-02-27', '2026-02-28'];
  await commit(await rig.line.batch({ rows: 12, days }));
  const before = await statuses(days[0]);
  expect(before).toMatchObject({ 'demo enough': 'failed', 'demo once': 'passed' });
  const mend = await damageFile(rig, manager, 'clean.shipment_events', days[0]);
  await store.receive([await rig.line.batch({ rows: 12, days })]);
  while (await manager.rounds.commit());
  await manager.rounds.rebuild();
  expect(Object.values(await statuses(days[0]))).toEqual(
    Object.keys(before).map(() => expect.stringMatching(/^DUCK_[A-Z_]+: .*event_date=2026-02-27/)),
  );
  expect(await results(days[1])).toMatchObject({ enough: [8, null, false, 0], once: [8, 0, true, 0] });
  expect(manager.setbacks.all().map(({ mart, partition }) => `${mart} ${partition}`)).toContain(
    `dq.results ${days[0]}`,
  );
  await mend();
  await until(async () => {
    await manager.rounds.rebuild();
    return manager.setbacks.all().length === 0;
  });
  expect(await results(days[0])).toMatchObject({ enough: [16, null, false, 0], once: [16, 0, true, 0] });
  expect(rig.errors).toEqual([]);
});
