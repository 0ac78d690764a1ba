import { loadContract, readCatalogDir } from '@millrace/contracts';
import { type BatchStaged, type QualityAlarm, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import { publishContracts } from '../contracts/publish';
import type { TableManager } from '../run/table-manager';
import { createRig, type Rig } from '../testing/rig';
import { QualityStore } from './quality-store';

const INGESTED = Date.parse('2026-03-01T11:59:59.500Z');
const DAY = '2026-02-27';

/** The bundled contract with rules about many rows. */
function ruled(rules: string, version = '1.0.0') {
  const [bundled] = readCatalogDir();
  const yaml =
    bundled.yaml.replace('\nversion: 1.0.0', `\nversion: ${version}`).replace(
      '\n    properties:',
      `
    quality:
      - { id: enough, metric: rowCount, mustBeGreaterThan: 20 }
      - { id: plenty, metric: rowCount, mustBeGreaterThan: 30, severity: warning }
    properties:`,
    ) +
    `
  - property: rules
    value:
${rules}
`;
  return { ...bundled, version, yaml, contract: loadContract(yaml) };
}
const FRESH = '      - { id: fresh, freshness: 2h }';

let rig: Rig;
let store: PostgresCommitStore;
let quality: QualityStore;
let manager: TableManager;
let nowMs: number;
beforeEach(async () => {
  rig = await createRig();
  nowMs = INGESTED + 1_000;
  store = new PostgresCommitStore(rig.database.pool);
  quality = new QualityStore(rig.database.pool, v4);
  manager = rig.manager({ contracts: [ruled(FRESH)], ports: { clock: { now: () => nowMs } } });
  await manager.contracts.publish();
});
afterEach(() => rig.dispose());

async function commit(...batches: BatchStaged[]): Promise<void> {
  await store.receive(batches);
  while (await manager.rounds.commit());
  while (await manager.rounds.rebuild());
}
const batch = (days = [DAY]): Promise<BatchStaged> => rig.line.batch({ rows: 12, days });

/** What was told so far, in words. */
async function told(): Promise<string[]> {
  const { rows } = await rig.database.pool.query(
    'SELECT body FROM table_manager.outbox WHERE topic = $1 ORDER BY seq',
    [TOPICS.qualityAlarms.name],
  );
  return rows.map(({ body }) => {
    const { tenant, dataset, rule, change, failures } = body as QualityAlarm;
    return `${tenant} ${dataset} ${rule} ${change} ${failures.map(({ day, value }) => `${day}:${value}`).join()}`;
  });
}
const page = async (over: Partial<Parameters<QualityStore['page']>[0]> = {}) =>
  quality.page({ tenant: 'demo', open: undefined, limit: 100, after: null, ...over });

test('a rule that fails is told of once, kept while it does, and closed when it does no more', async () => {
  await commit(await batch());
  const opened = `demo shipment_status_changed enough opened ${DAY}:12`;
  expect(await told()).toEqual([opened]);
  expect((await page({ open: true })).map(({ rule, severity, value }) => [rule, severity, value]).sort()).toEqual([
    ['enough', 'error', 12],
    ['plenty', 'warning', 12],
  ]);
  expect(await quality.counts()).toEqual([
    { dataset: 'shipment_status_changed', severity: 'error', open: 1 },
    { dataset: 'shipment_status_changed', severity: 'warning', open: 1 },
  ]);
  // Another day fails too; this one is looked at again and still fails.
  await commit(await rig.line.batch({ rows: 4, days: [DAY] }), await batch(['2026-02-28']));
  expect(await told()).toEqual([opened, 'demo shipment_status_changed enough opened 2026-02-28:12']);
  expect((await page({ rule: 'enough' })).map(({ day, value }) => `${day} ${value}`).sort()).toEqual([
    `${DAY} 16`,
    '2026-02-28 12',
  ]);
  await commit(await batch());
  expect((await told()).slice(2)).toEqual([`demo shipment_status_changed enough closed ${DAY}:16`]);
  expect((await page({ open: true, severity: 'error' })).map(({ day }) => day)).toEqual(['2026-02-28']);
  expect((await page({ open: false })).map(({ day, rule }) => `${day} ${rule}`)).toEqual([`${DAY} enough`]);
  expect(await page({ tenant: 'other' })).toEqual([]);
  const [first, second] = [await page({ limit: 1 }), await page()];
  expect(await page({ after: { openedAt: first[0].openedAt, id: first[0].id } })).toEqual(second.slice(1));
  expect(rig.errors).toEqual([]);
});

test('freshness is judged by the clock, also when nothing arrives', async () => {
  await commit(await rig.line.batch({ rows: 24, days: [DAY] }));
  const before = await told();
  const watch = async (): Promise<string[]> => {
    await manager.rounds.watchQuality();
    return (await told()).slice(before.length);
  };
  nowMs = INGESTED + 7_200_000;
  expect(await watch()).toEqual([]);
  nowMs += 1_001;
  const opened = 'demo shipment_status_changed fresh opened null:7200';
  expect(await watch()).toEqual([opened]);
  nowMs += 3_600_000;
  expect(await watch()).toEqual([opened]);
  await quality.record(
    {
      days: [],
      failures: [],
      truncated: false,
      newest: [{ tenant: 'demo', dataset: 'shipment_status_changed', at: new Date(nowMs).toISOString() }],
    },
    nowMs,
  );
  expect(await watch()).toEqual([opened, 'demo shipment_status_changed fresh closed null:7200']);
});

test('days are judged again when rules change, as many as may be, and what was found by rules that are gone is closed', async () => {
  const { days } = { days: ['2026-02-25', '2026-02-26', DAY] };
  manager = rig.manager({
    contracts: [ruled(FRESH)],
    settings: { qualityDaysMax: 2 },
    ports: { clock: { now: () => nowMs } },
  });
  await commit(await batch(days));
  await manager.rounds.watchQuality();
  while (await manager.rounds.rebuild());
  expect(await manager.rounds.watchQuality()).toBe(false);
  const versions = async (): Promise<unknown> =>
    Object.fromEntries(
      (
        await rig.query(
          (r) =>
            `SELECT event_date::VARCHAR AS day, list(DISTINCT rule ORDER BY rule)::VARCHAR AS rules FROM ${r} GROUP BY 1 ORDER BY 1`,
          'dq.results',
        )
      ).map((row) => [row.day, row.rules]),
    );
  expect(await versions()).toEqual(Object.fromEntries(days.map((day) => [day, '[enough, fresh, plenty]'])));

  const next = ruled(
    "      - { id: near, left: $.payload.distance_miles, is: '<', value: 1, severity: warning }",
    '1.1.0',
  );
  await publishContracts(rig.lake.storage, [next]);
  await manager.contracts.reload();
  expect(await manager.rounds.watchQuality()).toBe(true);
  while (await manager.rounds.rebuild());
  expect(await versions()).toEqual({
    '2026-02-25': '[enough, fresh, plenty]',
    ...Object.fromEntries(days.slice(1).map((day) => [day, '[enough, near, plenty]'])),
  });
  expect(await manager.rounds.watchQuality()).toBe(false);
  expect((await page({ open: true, rule: 'near' })).map(({ day }) => day).sort()).toEqual(days.slice(1));
  expect(rig.errors).toEqual([]);
});

test('what is usual is told from days before the rule was there, and few rows are missed once the day is over', async () => {
  const before = Array.from({ length: 10 }, (_, i) => `2026-02-${17 + i}`);
  nowMs = Date.parse(`${DAY}T12:00:00Z`);
  await commit(await rig.line.batch({ rows: 360, days: before }));
  await manager.rounds.watchQuality();
  await publishContracts(rig.lake.storage, [ruled('      - { id: usual, usual: volume }', '1.1.0')]);
  await manager.contracts.reload();
  const opened = async (): Promise<string[]> => (await told()).filter((text) => text.includes(' usual opened '));
  const watch = async (): Promise<boolean> => {
    const again = await manager.rounds.watchQuality();
    while (await manager.rounds.rebuild());
    return again;
  };
  expect(await watch()).toBe(true);
  expect(await watch()).toBe(false);
  expect(await opened()).toEqual([]);
  await commit(await rig.line.batch({ rows: 4, days: [DAY] }));
  expect(await opened()).toEqual([]);
  nowMs = Date.parse('2026-02-28T00:00:01Z');
  expect(await watch()).toBe(true);
  expect(await opened()).toEqual([`demo shipment_status_changed usual opened ${DAY}:4`]);
  expect(await watch()).toBe(false);
  // Late rows make the day as usual as the others: the alarm is over.
  await commit(await rig.line.batch({ rows: 32, days: [DAY] }));
  expect((await page({ open: true, rule: 'usual' })).map(({ day }) => day)).toEqual([]);
  expect((await page({ open: false, rule: 'usual' })).map(({ day }) => day)).toEqual([DAY]);
  expect(rig.errors).toEqual([]);
});
