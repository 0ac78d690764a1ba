import { systemClock } from '@millrace/observability';
import { MemoryObservations } from '../observation/memory/observations';
import { observedIn } from '../observation/observe';
import { KINDS_MAX, type Observed } from '../observation/port';
import { foldObserved, PostgresObservations } from '../observation/postgres';
import { PostgresCommitStore } from '../commit/postgres-store';
import { createRig, type Rig } from '../testing/rig';
import { DriftReader } from './drift-reader';

let rig: Rig;
let reader: DriftReader;
const SHIPMENTS = 'shipment.status.changed';

beforeAll(async () => {
  rig = await createRig();
  const manager = rig.manager();
  await manager.contracts.publish();
  const observations = new PostgresObservations(rig.database.pool);
  reader = new DriftReader({
    ...{ observations, storage: rig.lake.storage, contracts: manager.contracts, now: () => systemClock.now() },
    settings: { unknownTypes: 'infer', inferAfterMs: 0, inferAfterEvents: 1, inferredContractsMax: 5 },
  });
  const [contract] = manager.contracts.current().contracts;
  const good = { shipment_id: 's', status: 'created', distance_miles: 5, geo: { lat: 1, lon: 2 } };
  const payloads = [
    good,
    { ...good, distance_miles: -7 },
    { ...good, mode: 'air', status: 5 },
    { ...good, geo: { lat: 100, lon: null } },
  ];
  // Rows are not looked at here: only what is said of them.
  const said = async (tenant: string, some: readonly unknown[]) => ({
    ...(await rig.line.batch({ rows: 0, others: [{ eventType: SHIPMENTS, payloads: some, tenant }] })),
  });
  const label = `${contract.name}@${contract.version}`;
  for (const batch of [
    await said('acme', payloads),
    await said('acme', payloads),
    await said('bolt', [{ secret_of_bolt: 1 }]),
  ]) {
    const profiles = batch.profiles?.map((profile) => ({ ...profile, contract: label }));
    await new PostgresCommitStore(rig.database.pool).receive([{ ...batch, profiles }]);
  }
  await new PostgresCommitStore(rig.database.pool).receive(
    [await said('acme', [{ a: 1 }])].map((b) => ({ ...b, files: b.files })),
  );
  while (await manager.rounds.commit());
});
afterAll(() => rig.dispose());

const drift = async (tenant: string) => {
  const { rows } = await reader.page({ tenant, contract: 'shipment_status_changed', limit: 10 }, { fields: false });
  return rows as {
    events: number;
    version: string;
    source: string;
    day: string;
    drift: { path: string; kind: string; rule: string; events: number | null }[];
  }[];
};

test('what drifted is told with its path, its rule and how often, by day, version and source', async () => {
  const [row, ...others] = await drift('acme');
  expect(others).toEqual([]);
  expect(row).toMatchObject({ events: 8, source: 'http', day: '2026-03-01' });
  const found = row.drift.map(({ path, kind, rule, events }) => `${kind} ${path} ${rule} ${events}`);
  expect(found).toContain('new $.payload.mode is not in the contract 2');
  expect(found).toContain('type $.payload.status must be a string 2');
  expect(found).toContain('range $.payload.distance_miles must be 0 or more; -7 was seen null');
  expect(found).toContain('range $.payload.geo.lat must be 90 or less; 100 was seen null');
  expect(found).toContain('missing $.payload.geo.lon is required 2');
  expect(found).toContain('missing $.payload.carrier_code is required 8');
  expect(found).toContain('missing $.payload.service_no has not been seen 8');
});

test('a tenant sees its own events alone', async () => {
  expect(JSON.stringify(await drift('acme'))).not.toContain('secret_of_bolt');
  expect(JSON.stringify(await drift('bolt'))).toContain('secret_of_bolt');
  expect(await drift('nobody')).toEqual([]);
});

test('pages follow one another', async () => {
  const kind = { tenant: 'acme', contract: 'shipment_status_changed', limit: 1 };
  const first = await reader.page(kind, { fields: true });
  expect(first.rows[0]).toHaveProperty('fields');
  const second = await reader.page(kind, { fields: false, page: first.nextPage });
  expect(second).toEqual({ rows: [] });
  for (const page of [
    'x',
    Buffer.from('[1]').toString('base64url'),
    Buffer.from('["2026-01-01","\0","",""]').toString('base64url'),
  ])
    await expect(reader.page(kind, { fields: false, page })).rejects.toMatchObject({ status: 400 });
});

test('of more sources than are told apart no profile is lost, and each type keeps one', async () => {
  const kind = (i: number, eventType = 'sensor.read') => {
    const profile = { tenant: 'many', source: `s${i}`, eventType, contract: null, events: 2, overflow: 0 };
    const fields = [{ path: `$.payload.f${i % 3}`, integers: 2, min: 1, max: i }];
    return { ...profile, fields };
  };
  const rounds = [
    Array.from({ length: 700 }, (_, i) => kind(i)),
    // Those of before, and others of another type.
    Array.from({ length: 900 }, (_, i) => kind(i, i < 800 ? undefined : 'sensor.moved')),
  ].map((profiles) => observedIn([{ profiles, landedAt: '2026-03-01T00:00:00.000Z' }]));
  const model = new MemoryObservations({ contractsApplied: () => 0, batchIds: () => [] });
  for (const observed of rounds) {
    await foldObserved(rig.database.pool, observed);
    model.fold(observed);
  }
  const store = new PostgresObservations(rig.database.pool);
  const wanted = { tenant: 'many', contract: '', after: null, limit: 2_000 };
  const kept = await store.page(wanted);
  const of = (type: string) => kept.filter(({ eventType }) => eventType === type);
  expect(of('sensor.read')).toHaveLength(KINDS_MAX / 2 + 1);
  expect(of('sensor.moved').map(({ source, history }) => [source, history.events])).toEqual([['', 200]]);
  expect(kept.reduce((events, { history }) => events + history.events, 0)).toBe(2 * (700 + 900));
  const other = of('sensor.read').find(({ source }) => source === '');
  expect(other?.history.fields.map(({ path }) => path).sort()).toEqual([
    '$.payload.f0',
    '$.payload.f1',
    '$.payload.f2',
  ]);
  const shape = (all: readonly Observed[]) =>
    all.map(({ source, eventType, history }) => `${eventType} ${source} ${history.events}`).sort();
  expect(shape(await model.page(wanted))).toEqual(shape(kept));
});
