import { loadContract, readCatalogDir } from '@millrace/contracts';
import type { BatchStaged } from '@millrace/topics';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { createRig, type Rig } from '../testing/rig';

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
