import { contractIndexPath, encodeContractIndex } from '@millrace/contracts';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import { type AuditRecord, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresCommitStore } from '../commit/postgres-store';
import { MIGRATIONS } from '../testing/rig';
import { tellContracts, type TellDeps } from './tell-contracts';

let database: TestDatabase;
let storage: Storage;
let deps: TellDeps;

beforeEach(async () => {
  database = await testDatabase({ migrations: MIGRATIONS });
  storage = createMemoryStorage();
  deps = { storage, store: new PostgresCommitStore(database.pool), now: () => 1_767_225_600_000, newId: v4 };
});
afterEach(() => database.drop());

const publish = (index: number, versions: Record<string, string>) =>
  storage.createIfAbsent(
    contractIndexPath(index),
    encodeContractIndex(
      index,
      Object.entries(versions).map(([name, version]) => ({ name, version })),
    ),
  );

async function left(topic: string): Promise<AuditRecord[]> {
  const { rows } = await database.pool.query('SELECT body FROM table_manager.outbox WHERE topic = $1 ORDER BY seq', [
    topic,
  ]);
  return rows.map((row) => row.body as AuditRecord);
}
const audited = async () => (await left(TOPICS.audit.name)).map(({ subject, detail }) => [subject, detail]);

test('each version that is put in force is in the audit once, with what it replaced', async () => {
  await publish(1, { a: '1.0.0', b: '1.0.0' });
  await tellContracts(deps, 1);
  await tellContracts(deps, 1);
  await publish(2, { a: '1.1.0', b: '1.0.0' });
  await tellContracts(deps, 2);
  await tellContracts(deps, 2);
  expect(await audited()).toEqual([
    ['a@1.0.0', { index: 1 }],
    ['b@1.0.0', { index: 1 }],
    ['a@1.1.0', { index: 2, previous: '1.0.0' }],
  ]);
  expect((await left(TOPICS.audit.name))[0]).toMatchObject({
    ...{ service: 'table-manager', actor: 'table-manager', action: 'contracts.published' },
    at: '2026-01-01T00:00:00.000Z',
  });
  // Readers are woken each time: a wake-up may have been lost.
  expect(await left(TOPICS.contractsChanged.name)).toHaveLength(4);
});

test('what a process published and could not say is said by the next one', async () => {
  await publish(1, { a: '1.0.0' });
  await publish(2, { a: '2.0.0' });
  await tellContracts(deps, 2);
  expect(await audited()).toEqual([
    ['a@1.0.0', { index: 1 }],
    ['a@2.0.0', { index: 2, previous: '1.0.0' }],
  ]);
});

test('of many that nobody has spoken of, each is said of what was before it, in their order', async () => {
  const indexes = Array.from({ length: 50 }, (_, i) => i + 1);
  for (const index of indexes) await publish(index, { a: `${index}.0.0` });
  await tellContracts(deps, 1);
  await tellContracts(deps, 50);
  expect(await audited()).toEqual(
    indexes.map((index) => [`a@${index}.0.0`, { index, ...(index > 1 && { previous: `${index - 1}.0.0` }) }]),
  );
});

test('processes that say it at once say it once, and none takes back what a newer one said', async () => {
  await publish(1, { a: '1.0.0' });
  await publish(2, { a: '2.0.0' });
  await Promise.all([1, 2, 2, 1, 2].map((index) => tellContracts(deps, index)));
  expect((await audited()).map(([subject]) => subject)).toEqual(['a@1.0.0', 'a@2.0.0']);
});
