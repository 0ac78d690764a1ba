import { contractIndexPath, contractVersionPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import { MemoryLandingStore } from '../landing/memory/store';
import { curate } from '../pipeline/curate';
import { batchOf, shipmentEvent } from '../testing/landing-bench';
import { publishContracts } from '../testing/lake';
import { testLogger } from '../testing/worker-under-test';
import { ContractsKeeper } from './keeper';

const [shipments] = readCatalogDir().filter(({ contract }) => contract.eventTypes.includes('shipment.status.changed'));
const { name, version } = shipments.contract;

let storage: Storage;
let store: MemoryLandingStore;
let keeper: ContractsKeeper;
beforeEach(() => {
  storage = createMemoryStorage();
  store = new MemoryLandingStore();
  keeper = new ContractsKeeper(store, storage, testLogger);
});

const other = Buffer.from(
  JSON.stringify({ event_id: 'o', event_type: 'other', event_time: '2026-01-01T00:00:00Z', payload: {} }),
);
const judge = async (): Promise<string[]> => {
  const contracts = keeper.current?.contracts;
  if (!contracts) throw new Error('none in force');
  const { validated } = await curate(batchOf([shipmentEvent('a'), other]).items, contracts, null);
  return validated.map((event) => (event.ok ? (event.contract?.label ?? 'no contract') : event.refusal.reason));
};

test('there are none before the first index', async () => {
  await keeper.refresh();
  expect(keeper.current).toBeNull();
  expect((await store.line()).contractsIndex).toBe(0);
});

test('the newest index is taken, and the line requires it', async () => {
  await publishContracts(storage, 1);
  await publishContracts(storage, 2);
  await keeper.refresh();
  expect(keeper.current?.contracts.index).toBe(2);
  expect((await store.line()).contractsIndex).toBe(2);
  expect(await judge()).toEqual([`${name}@${version}`, 'no contract']);
});

test('a version that storage does not hold quarantines what it governs, and nothing else, until it is there', async () => {
  await storage.createIfAbsent(contractIndexPath(1), encodeContractIndex(1, [shipments.contract]));
  await keeper.refresh();
  expect(await judge()).toEqual(['contract_unavailable', 'no contract']);
  expect(keeper.notice()).toBe(`contracts that cannot be used: ${name} ${version}`);
  await storage.createIfAbsent(contractVersionPath(name, version), Buffer.from(shipments.yaml));
  await keeper.refresh();
  expect(await judge()).toEqual([`${name}@${version}`, 'no contract']);
  expect(keeper.notice()).toBeNull();
});

test('while an index does not say what the version governs, whatever no contract governs is quarantined', async () => {
  await storage.createIfAbsent(contractIndexPath(1), encodeContractIndex(1, [{ name, version }]));
  await keeper.refresh();
  expect(await judge()).toEqual(['contract_unavailable', 'contract_unavailable']);
});

test('a version file that cannot be used does not touch the other contracts', async () => {
  await publishContracts(storage, 1);
  const contracts = [
    ...readCatalogDir().map(({ contract }) => contract),
    { name: 'broken', version: '1.0.0', eventTypes: ['other'] },
  ];
  await storage.createIfAbsent(
    contractVersionPath('broken', '1.0.0'),
    Buffer.from('kind: DataContract\nnonsense: true\n'),
  );
  await storage.createIfAbsent(contractIndexPath(2), encodeContractIndex(2, contracts));
  await keeper.refresh();
  expect(await judge()).toEqual([`${name}@${version}`, 'contract_unavailable']);
});

test('a line that is ahead of what storage shows is waited for', async () => {
  await publishContracts(storage, 1);
  await store.adoptContracts(2, 30);
  await expect(keeper.refresh()).rejects.toMatchObject({ code: 'LANDING_UNAVAILABLE', canRetry: true });
  await publishContracts(storage, 2);
  await keeper.refresh();
  expect(keeper.current?.contracts.index).toBe(2);
});

test('a changed strategy is claimed under both for one window', async () => {
  const changed = shipments.yaml
    .replace('version: 1.0.0', 'version: 2.0.0')
    .replace(/(property: dedupe[\s\S]*?strategy: )\w+/, '$1content');
  expect(changed).not.toBe(shipments.yaml.replace('version: 1.0.0', 'version: 2.0.0'));
  await publishContracts(storage, 1);
  await storage.createIfAbsent(contractVersionPath(name, '2.0.0'), Buffer.from(changed));
  await storage.createIfAbsent(contractIndexPath(2), encodeContractIndex(2, [{ name, version: '2.0.0' }]));
  await keeper.refresh();
  const contracts = keeper.current?.contracts;
  const [former] = contracts?.formerDedupe('shipment.status.changed') ?? [];
  expect(former.dedupe).toMatchObject({ strategy: 'event_id' });
  expect(contracts?.formerDedupe('other')).toEqual([]);

  const keysAt = async (at: string): Promise<number> => {
    const { validated } = await curate(batchOf([shipmentEvent('a')], 0, { at }).items, contracts as never, null);
    return validated[0].ok ? 1 + validated[0].formerKeys.length : 0;
  };
  const day = 86_400_000;
  expect(await keysAt(new Date(former.untilMs - day).toISOString())).toBe(2);
  expect(await keysAt(new Date(former.untilMs + day).toISOString())).toBe(1);
});
