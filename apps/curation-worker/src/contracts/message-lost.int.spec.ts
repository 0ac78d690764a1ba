import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  contractIndexPath,
  contractVersionPath,
  encodeContractIndex,
  loadContract,
  readCatalogDir,
} from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, TOPICS } from '@millrace/topics';
import { PostgresLandingStore } from '../landing/postgres/store';
import { shipmentEvent } from '../testing/landing-bench';
import { appendItems, booksOf, landedBatches, MIGRATIONS, publishContracts } from '../testing/lake';
import { caughtUp, startWorker, testDuck, testLogger, until } from '../testing/worker-under-test';
import { ContractsKeeper } from './keeper';

let database: TestDatabase;
let root: string;
let storage: Storage;
let messaging: MemoryMessaging;
let duck: Duck;

beforeAll(async () => {
  duck = await testDuck();
  database = await testDatabase({ migrations: MIGRATIONS });
  root = await mkdtemp(path.join(os.tmpdir(), 'message-lost-'));
  storage = createFilesystemStorage({ root });
  messaging = createMemoryMessaging({ leaseMs: 2_000, pollMs: 50 });
  await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: TOPICS.eventsInbound.partitions });
  await messaging.ensureGroup(GROUPS.curation.topic, GROUPS.curation.group);
});
afterAll(async () => {
  await messaging.close();
  await duck.close();
  await database.drop();
  await rm(root, { recursive: true, force: true, maxRetries: 10 });
});

test('a worker that never hears of a version lands nothing under the one before, once any worker knows better', async () => {
  await publishContracts(storage, 1);
  const store = new PostgresLandingStore(database.pool);
  // It hears no messages and looks at no clock: only a landing can tell it.
  const deaf = await startWorker({ messaging, store, storage, duck });
  await appendItems(messaging, [shipmentEvent('before')]);
  await until(() => caughtUp(messaging));

  const known = readCatalogDir();
  const [shipments] = known.filter(({ contract }) => contract.eventTypes.includes('shipment.status.changed'));
  const stricter = shipments.yaml
    .replace('version: 1.0.0', 'version: 1.1.0')
    .replace(/(name: service_no\n +logicalType: integer\n +logicalTypeOptions: \{ minimum: )0/, '$11000000');
  const next = loadContract(stricter);
  await storage.createIfAbsent(contractVersionPath(next.name, next.version), Buffer.from(stricter));
  const others = known.map(({ contract }) => contract).filter(({ name }) => name !== next.name);
  await storage.createIfAbsent(contractIndexPath(2), encodeContractIndex(2, [...others, next]));
  await new ContractsKeeper(store, storage, testLogger).refresh();

  await appendItems(messaging, [shipmentEvent('after', { service_no: 7 })]);
  await until(() => caughtUp(messaging));
  await deaf.stop();
  const batches = await landedBatches(database.pool);
  expect(batches.map(({ contractsIndex }) => contractsIndex)).toEqual([1, 2]);
  expect(booksOf(batches)).toEqual({ landed: 1, duplicate: 0, quarantined: 1 });
  const { rows } = await database.pool.query('SELECT contract_version, path FROM curation_worker.quarantine');
  expect(rows).toEqual([{ contract_version: '1.1.0', path: '$.payload.service_no' }]);
}, 60_000);
