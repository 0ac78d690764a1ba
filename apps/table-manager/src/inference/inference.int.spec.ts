import { compileText, contractVersionPath } from '@millrace/contracts';
import type { Mart } from '@millrace/marts';
import { type BatchStaged, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import { publishContracts } from '../contracts/publish';
import { PostgresObservations } from '../observation/postgres';
import type { TableManager } from '../run/table-manager';
import { DuckQuestions } from '../tables/duck-questions';
import { createRig, type ManagerOptions, type Rig } from '../testing/rig';
import type { OtherEvents } from '../testing/staged-line';
import { type FillDeps, fillTables } from './fill';
import { type InferenceSettings, PUBLISH_EVERY_MS_MAX } from './settings';

let rig: Rig;
let observations: PostgresObservations;
/** The rig's own time goes on; inference is told that it is late enough, or not. */
const AT_ONCE: InferenceSettings = {
  ...{ unknownTypes: 'infer', inferAfterMs: 0, inferAfterEvents: 1_000, inferredContractsMax: 100 },
};

beforeEach(async () => {
  rig = await createRig();
  observations = new PostgresObservations(rig.database.pool);
});
afterEach(() => rig.dispose());

const manager = (options: ManagerOptions & { inference?: Partial<InferenceSettings> } = {}): TableManager =>
  rig.manager({
    ...options,
    ports: {
      clock: { now: () => Date.parse('2026-03-01T12:00:10.000Z') },
      monotonicMs: () => performance.now() + passedMs,
    },
    settings: { inference: { ...AT_ONCE, ...options.inference }, ...options.settings },
  });

/** A manager whose rounds are run by the test, over what an intake would have received. */
async function led(options: Parameters<typeof manager>[0] = {}): Promise<TableManager> {
  const made = manager(options);
  await made.contracts.publish();
  await made.catalog.adopt();
  return made;
}

const receive = async (...batches: BatchStaged[]): Promise<void> => {
  await new PostgresCommitStore(rig.database.pool).receive(batches);
};
const line = (content: { others: OtherEvents[]; contractsIndex?: number; rows?: number }) =>
  rig.line.batch({ rows: 0, ...content });
const orders = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ order_id: `o${from + i}`, amount: (from + i) / 4 }));
const untyped = (eventType: string, payloads: readonly unknown[], tenant?: string): OtherEvents => ({
  ...{ eventType, payloads, tenant },
});

/** Time that has passed beside what the test takes, ms. */
let passedMs = 0;

/** A round so long after the one before that publications may follow it. */
function infer(made: TableManager): Promise<boolean> {
  passedMs += PUBLISH_EVERY_MS_MAX;
  return made.rounds.infer();
}

async function commitAll(made: TableManager): Promise<void> {
  while (await made.rounds.commit());
}

const ids = async (table: string): Promise<string[]> =>
  (await rig.query((relation) => `SELECT order_id AS id FROM ${relation} ORDER BY 1`, table)).map((row) =>
    String(row['id']),
  );

async function inForce(made: TableManager, name: string) {
  await made.contracts.reload();
  const contract = made.contracts.current().byName(name);
  if (!contract) throw new Error(`there is no contract ${name}`);
  return contract;
}

test('an event type without a contract gets one, and a table that holds what came before it and after', async () => {
  const made = await led();
  await receive(await line({ others: [untyped('order', orders(0, 3))] }));
  await receive(await line({ others: [untyped('order', orders(3, 5))] }));
  await commitAll(made);
  expect(await infer(made)).toBe(true);
  const contract = await inForce(made, 'order');
  expect(contract).toMatchObject({ table: 'clean.orders', version: '0.1.0', contract: { inferred: 'unreviewed' } });
  expect(contract.columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['order_id string', 'amount double']);
  expect(await ids('clean.orders')).toEqual(['o0', 'o1', 'o2', 'o3', 'o4']);

  // A worker that knows no better yet; then one that does.
  await receive(await line({ others: [untyped('order', orders(5, 7))] }));
  await receive(await line({ others: [{ ...untyped('order', orders(7, 9)), contract }], contractsIndex: 2 }));
  await receive(await line({ others: [{ ...untyped('order', orders(9, 10)), contract }], contractsIndex: 2 }));
  await commitAll(made);
  await infer(made);
  expect(await ids('clean.orders')).toEqual(orders(0, 10).map(({ order_id }) => order_id));
  expect(await observations.inferred()).toMatchObject([
    { contract: 'order', table: 'orders', tenant: 'demo', closed: true },
  ]);
  await infer(made);
  expect(await ids('clean.orders')).toHaveLength(10);
  expect(rig.errors).toEqual([]);
});

test('a process may end between any two steps: each row is in the table once', async () => {
  const places = ['contract-written', 'contracts-indexed', 'filled', 'fill-shown'];
  const batches = [await line({ others: [untyped('order', orders(0, 4))] })];
  await receive(batches[0]);
  await commitAll(await led());
  let row = 4;
  for (const place of places) {
    let armed = false;
    const dying = await led({
      failpoint: async (at) => {
        if (armed && at === place) throw new Error(`ends at ${place}`);
      },
    });
    armed = true;
    await expect(infer(dying)).rejects.toThrow(`ends at ${place}`);
    // Meanwhile others go on, and know of no contract.
    await receive(await line({ others: [untyped('order', orders(row, row + 2))] }));
    row += 2;
    await commitAll(await led());
  }
  const last = await led();
  await infer(last);
  const contract = await inForce(last, 'order');
  const { index } = last.contracts.current();
  await receive(
    await line({ others: [{ ...untyped('order', orders(row, row + 2)), contract }], contractsIndex: index }),
  );
  await commitAll(last);
  await infer(last);
  expect(await ids('clean.orders')).toEqual(
    orders(0, row + 2)
      .map(({ order_id }) => order_id)
      .sort(),
  );
  expect((await observations.inferred())[0].closed).toBe(true);
});

test('rows that are filled in have exactly the partitions of marts built again that they belong to, also after a crash', async () => {
  const mart: Mart = {
    ...{ id: 'mart.by_amount', name: 'by_amount', sources: ['clean.orders'], dimensions: [], columns: [] },
    ...{ partitionColumn: 'day', partitionExpression: "(DATE '2026-01-01' + CAST(amount * 4 AS INTEGER))" },
  };
  const other = { ...mart, id: 'mart.other', sources: ['clean.events'] };
  let ends = true;
  const made = await led({
    failpoint: async (at) => {
      if (ends && at === 'filled') throw new Error('ends');
    },
  });
  await receive(await line({ others: [untyped('order', orders(1, 3)), untyped('gadget', [{ amount: 30 }])] }));
  await commitAll(made);
  await expect(infer(made)).rejects.toThrow('ends');
  ends = false;
  const { tables, catalog, contracts } = made;
  const store = new PostgresCommitStore(rig.database.pool);
  await contracts.reload();
  const deps: FillDeps = {
    ...{ store, observations, tables, catalog, contracts, marts: () => [mart, other], now: () => 0, newId: v4 },
    ...{ questions: new DuckQuestions(rig.lake.duck, rig.lake.storage), failpoint: async () => undefined },
  };
  const again = async (): Promise<unknown[]> =>
    (await store.stale([mart.id, other.id], 100)).marts
      .get(mart.id)
      ?.stale.map(({ partition, asked }) => [partition, asked]) ?? [];
  await fillTables(deps);
  expect(await again()).toEqual([
    ['2026-01-02', 1],
    ['2026-01-03', 1],
  ]);
  await receive(await line({ others: [untyped('order', orders(2, 4))] }));
  await commitAll(made);
  await fillTables(deps);
  await fillTables(deps);
  // Only what was filled in since.
  expect(await again()).toEqual([
    ['2026-01-02', 1],
    ['2026-01-03', 2],
    ['2026-01-04', 1],
  ]);
  expect((await store.stale([other.id], 100)).marts.get(other.id)?.stale).toEqual([]);
});

test('of two that fill a table at once each row comes from one', async () => {
  await receive(await line({ others: [untyped('order', orders(0, 4))] }));
  const both = [await led(), await led()];
  await commitAll(both[0]);
  for (let round = 0; round < 4; round++) {
    await Promise.allSettled(both.map((made) => infer(made)));
    await receive(await line({ others: [untyped('order', orders(4 + round, 5 + round))] }));
    await Promise.allSettled(both.map((made) => commitAll(made)));
  }
  for (const made of both) await infer(made);
  expect(await ids('clean.orders')).toEqual(orders(0, 8).map(({ order_id }) => order_id));
});

test('new fields become columns of a next version, rows before it keep theirs, and what does not fit is recovered', async () => {
  const made = await led();
  await receive(await line({ others: [untyped('order', orders(0, 2))] }));
  await commitAll(made);
  await infer(made);
  const first = await inForce(made, 'order');
  const payloads = [
    { order_id: 'o2', amount: 'a lot', vip: true },
    { order_id: 'o3', amount: 1, vip: false, ship: { to: 'Rome' } },
  ];
  await receive(await line({ others: [{ eventType: 'order', payloads, contract: first }], contractsIndex: 2 }));
  await commitAll(made);
  await infer(made);
  const second = await inForce(made, 'order');
  expect(second).toMatchObject({ version: '0.2.0' });
  expect(second.columns.map(({ name }) => name).sort()).toEqual(['amount', 'order_id', 'ship_to', 'vip']);
  await receive(
    await line({
      others: [
        { eventType: 'order', payloads: [{ order_id: 'o4', vip: true, ship: { to: 'Oslo' } }], contract: second },
      ],
      contractsIndex: 3,
    }),
  );
  await commitAll(made);
  const rows = await rig.query(
    (r) => `SELECT order_id, amount, vip, ship_to, _recovered, _contract_version AS v FROM ${r} ORDER BY 1`,
    'clean.orders',
  );
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['o0', 0, null, null, null, 'order@0.1.0'],
    ['o1', 0.25, null, null, null, 'order@0.1.0'],
    ['o2', null, null, null, '{"$.payload.amount":"a lot"}', 'order@0.1.0'],
    ['o3', 1, null, null, null, 'order@0.1.0'],
    ['o4', null, true, 'Oslo', null, 'order@0.2.0'],
  ]);
});

test('what many contracts need is one publication, and the next one waits', async () => {
  const made = await led();
  const others = (more: object) =>
    ['order', 'refund', 'visit'].map((type) => untyped(type, [{ order_id: 'a', ...more }]));
  await receive(await line({ others: others({}) }));
  await commitAll(made);
  await infer(made);
  const { index } = made.contracts.current();
  expect(made.contracts.current().contracts).toHaveLength(4);

  const governed = others({ vip: true }).map((each) => ({
    ...each,
    contract: made.contracts.current().byEventType(each.eventType),
  }));
  await receive(await line({ others: [...governed, untyped('parcel', [{ order_id: 'p' }])], contractsIndex: index }));
  await commitAll(made);
  // At once: the publication before was just now.
  await made.rounds.infer();
  await made.rounds.infer();
  expect(await made.contracts.newest()).toBe(index);
  await infer(made);
  expect(await made.contracts.newest()).toBe(index + 1);
  const labels = made.contracts.current().contracts.map(({ name, version }) => `${name} ${version}`);
  expect(labels).toEqual(expect.arrayContaining(['order 0.2.0', 'refund 0.2.0', 'visit 0.2.0', 'parcel 0.1.0']));
});

test('what was seen before enough was seen is waited for, and said', async () => {
  const made = await led({ inference: { inferAfterMs: 10 ** 15 } });
  await receive(await line({ others: [untyped('order', orders(0, 2))] }));
  await commitAll(made);
  await infer(made);
  expect(made.contracts.current().byEventType('order')).toBeUndefined();
  expect(made.inference?.waiting).toMatchObject([
    { eventType: 'order', tenants: ['demo'], events: 2, why: 'more events are waited for' },
  ]);
});

test('ten thousand types make no ten thousand tables', async () => {
  const made = await led({ inference: { inferredContractsMax: 3 } });
  for (let batch = 0; batch < 3; batch++) {
    const others = Array.from({ length: 4 }, (_, i) => untyped(`type_${batch}_${i}`, [{ a: 1 }]));
    const staged = await line({ others });
    // As many profiles as a message may carry.
    const profiles = Array.from({ length: 400 }, (_, i) => ({
      ...(staged.profiles ?? [])[0],
      eventType: `hostile ${batch} ${i}`,
    }));
    await receive({ ...staged, profiles: [...(staged.profiles ?? []), ...profiles] });
  }
  await receive(await line({ others: [untyped('order', orders(0, 1), 'acme')] }));
  await commitAll(made);
  for (let round = 0; round < 3; round++) {
    made.inference?.begin();
    await infer(made);
  }
  const names = made.contracts.current().contracts.map(({ name }) => name);
  // The bundled one, three of one tenant, and another tenant's.
  expect(names).toHaveLength(5);
  expect(names).toContain('order');
  expect(made.inference?.waiting[0].why).toBe('3 contracts have been inferred for this tenant, which is the limit');
  const { rows } = await rig.database.pool.query(
    `SELECT count(*) AS n FROM table_manager.observed_events WHERE tenant = 'demo'`,
  );
  expect(Number(rows[0].n)).toBeLessThanOrEqual(1_001);
});

test('what a person writes for the type takes the place of what was inferred', async () => {
  const made = await led();
  await receive(await line({ others: [untyped('order', orders(0, 1))] }));
  await commitAll(made);
  await infer(made);
  const yaml = (await rig.lake.storage.get(contractVersionPath('order', '0.1.0'))).toString('utf8');
  const own = yaml
    .replace('name: order\nversion: 0.1.0', 'name: shop_order\nversion: 1.0.0')
    .replace('    value: unreviewed', '    value: adopted');
  await publishContracts(rig.lake.storage, [{ file: 'x', yaml: own, contract: compileText(own).contract }]);
  await made.contracts.reload();
  expect(made.contracts.current().byEventType('order')?.name).toBe('shop_order');
  expect(made.contracts.current().unavailable).toEqual([]);
});

test('the contracts are told of, and the publication is in the audit', async () => {
  const made = await led();
  await receive(await line({ others: [untyped('order', orders(0, 1))] }));
  await commitAll(made);
  await infer(made);
  const { rows } = await rig.database.pool.query(`SELECT topic, body FROM table_manager.outbox ORDER BY seq`);
  expect(rows.filter(({ topic }) => topic === TOPICS.contractsChanged.name).at(-1).body).toMatchObject({ index: 2 });
  expect(rows.filter(({ topic }) => topic === TOPICS.audit.name).at(-1).body).toMatchObject({ subject: 'order@0.1.0' });
});
