import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import type { BatchStaged, TablesChanged } from '@millrace/topics';
import fc from 'fast-check';
import { PostgresReadModels } from './postgres-read-models';

const migrations = [{ schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') }];
const LINE = 'line-1';
const HOUR = '2026-01-01T10:00:00.000Z';
const TOPIC = 'events.inbound';

let database: Awaited<ReturnType<typeof testDatabase>>;
let models: PostgresReadModels;

beforeEach(async () => {
  database = await testDatabase({ migrations });
  models = new PostgresReadModels(database.pool);
});
afterEach(() => database.drop());

const range = (from: number, to: number, count = to - from, partition = '0') => ({
  topic: TOPIC,
  partition,
  from,
  to,
  counts: [{ tenant: 't', source: 'http', hour: HOUR, count }],
});
const batch = (
  number: number,
  from: number,
  to: number,
  fates = { landed: to - from, duplicate: 0, quarantined: 0 },
): BatchStaged => ({
  lineId: LINE,
  number,
  batchId: number * 10,
  topic: TOPIC,
  partition: '0',
  range: { from, to },
  landedAt: '2026-01-01T10:00:01.000Z',
  acceptedFrom: HOUR,
  acceptedTo: HOUR,
  contractsIndex: 1,
  files: [],
  counts: [{ tenant: 't', source: 'http', hour: HOUR, ...fates }],
});
const commit = (
  from: number,
  number: number,
  catalogVersion: number,
  more: Partial<TablesChanged> = {},
): TablesChanged => ({
  lineId: LINE,
  from,
  number,
  catalogVersion,
  tables: { 'clean.events': catalogVersion },
  at: '2026-01-01T10:00:02.000Z',
  ...more,
});
const only = async () => (await models.conservation(null, null)).rows[0];

test('receipts and fates are counted once, however often they are told', async () => {
  for (let i = 0; i < 3; i++) {
    await models.countReceived(range(0, 10));
    await models.countFates([batch(1, 0, 4, { landed: 2, duplicate: 1, quarantined: 1 })]);
  }
  await models.countReceived(range(10, 12));
  expect(await only()).toMatchObject({ received: 12, landed: 2, duplicate: 1, quarantined: 1, pending: 8 });
});

test('two instances that count the same at once count it once', async () => {
  const other = new PostgresReadModels(database.pool);
  for (let i = 0; i < 20; i++) {
    await Promise.all([models, other, models].map((m) => m.countReceived(range(i * 5, i * 5 + 5))));
    await Promise.all([models, other].map((m) => m.countFates([batch(i + 1, i * 5, i * 5 + 5)])));
  }
  expect(await only()).toMatchObject({ received: 100, landed: 100, pending: 0 });
});

test('a range that skips part of the log is refused, not counted over', async () => {
  await models.countReceived(range(0, 10));
  await expect(models.countReceived(range(12, 15))).rejects.toThrow('counted to 10');
  expect((await only()).received).toBe(10);
});

test('fates that overtake receipts are told apart from an answer', async () => {
  await models.countReceived(range(0, 2));
  await models.countFates([batch(1, 0, 5)]);
  expect((await models.conservation(null, null)).behind).toBe(true);
  await models.countReceived(range(2, 5));
  expect(await models.conservation(null, null)).toMatchObject({ behind: false, rows: [{ pending: 0 }] });
});

test('any order and repetition of batches gives the sums of the batches', async () => {
  let line = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ landed: fc.nat(9), duplicate: fc.nat(9), quarantined: fc.nat(9) }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.infiniteStream(fc.nat(1_000)),
      async (fates, order) => {
        const lineId = `line-p${line++}`;
        const source = lineId;
        const batches = fates.map((f, i) => ({
          ...batch(i + 1, i, i + 1, f),
          lineId,
          topic: lineId,
          counts: [{ tenant: 't', source, hour: HOUR, ...f }],
        }));
        const told = [...batches, ...batches].sort(() => (order.next().value as number) - 500);
        for (const each of told) await models.countFates([each]);
        const { rows } = await models.conservation(null, null);
        const row = rows.find((r) => r.source === source);
        for (const key of ['landed', 'duplicate', 'quarantined'] as const)
          expect(row?.[key]).toBe(fates.reduce((sum, f) => sum + f[key], 0));
      },
    ),
    { numRuns: 15 },
  );
});

test('a batch knows the commit that made it visible, also when an answer to a repetition came first', async () => {
  await models.countFates([batch(11, 0, 5), batch(12, 5, 9)]);
  expect(await models.uncommitted(LINE)).toBe(2);
  expect((await models.committedPositions(TOPIC)).size).toBe(0);
  await models.recordCommit(commit(11, 10, 8, { tables: {} }));
  await models.recordCommit(commit(11, 12, 8));
  await models.recordCommit(commit(11, 12, 8));
  expect((await models.batch(110))?.commit).toMatchObject({ catalogVersion: 8, tables: { 'clean.events': 8 } });
  expect(await models.uncommitted(LINE)).toBe(0);
  expect(await models.committedPositions(TOPIC)).toEqual(new Map([['0', 9]]));
});

test('a mart partition is dated by the first build that was made from the batch or later', async () => {
  const built = (number: number, version: number, catalogVersion: number) =>
    commit(number + 1, number, catalogVersion, {
      tables: { 'mart.x': version },
      rebuilt: { 'mart.x': { '2026-01-01': number + 2 } },
    });
  await models.recordCommit(built(8, 3, 7));
  await models.recordCommit(built(20, 4, 9));
  expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 10)).toMatchObject({ version: 3 });
  expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 11)).toMatchObject({ version: 4 });
  expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 23)).toBeNull();
  expect(await models.martBuild(LINE, 'mart.x', '2026-01-02', 1)).toBeNull();
});

test('pruning keeps the positions', async () => {
  await models.countFates([batch(1, 0, 5), batch(2, 5, 9)]);
  await models.recordCommit(commit(1, 1, 1));
  await models.recordCommit(commit(2, 2, 2));
  await models.prune(new Date('2027-01-01'));
  expect(await models.batch(10)).toBeNull();
  expect(await models.landedPositions(TOPIC)).toEqual(new Map([['0', 9]]));
  expect(await models.committedPositions(TOPIC)).toEqual(new Map([['0', 9]]));
  expect(await models.uncommitted(LINE)).toBe(0);
});
