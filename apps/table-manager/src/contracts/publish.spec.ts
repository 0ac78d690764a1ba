import { contractIndexPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import { createMemoryStorage } from '@millrace/storage/memory';
import { readNewestIndex } from './change-index';
import { ContractChangedError, publishContracts } from './publish';
import { isNewer } from './version-order';

const files = readCatalogDir();

test('contracts are published once, under an index that names them', async () => {
  const storage = createMemoryStorage();
  expect(await publishContracts(storage, files)).toEqual({ index: 1, changed: true });
  expect(await publishContracts(storage, files)).toEqual({ index: 1, changed: false });
  const index = await readNewestIndex(storage);
  expect(index?.contracts.map((c) => c.name)).toEqual(files.map((f) => f.contract.name));
  expect((await storage.get(index?.contracts[0].path as string)).toString('utf8')).toBe(files[0].yaml);
});

test('a published version whose text changed is refused', async () => {
  const storage = createMemoryStorage();
  await publishContracts(storage, files);
  const changed = files.map((file) => ({ ...file, yaml: `${file.yaml}\n# changed\n` }));
  await expect(publishContracts(storage, changed)).rejects.toThrow(ContractChangedError);
});

test('a new version gets the next index, and processes that publish at once agree', async () => {
  const storage = createMemoryStorage();
  await publishContracts(storage, files);
  const next = files.map((file) => ({ ...file, contract: { ...file.contract, version: '99.0.0' } }));
  const published = await Promise.all([
    publishContracts(storage, next),
    publishContracts(storage, next),
    publishContracts(storage, next),
  ]);
  expect(published.map((p) => p.index)).toEqual([2, 2, 2]);
  expect(published.filter((p) => p.changed)).toHaveLength(1);
});

test('a version in force gives way to a newer one only', async () => {
  const storage = createMemoryStorage();
  const at = (version: string) => files.map((file) => ({ ...file, contract: { ...file.contract, version } }));
  await publishContracts(storage, at('1.10.0'));
  expect(await publishContracts(storage, at('1.9.0'))).toEqual({ index: 1, changed: false });
  expect((await readNewestIndex(storage))?.contracts[0].version).toBe('1.10.0');
  expect(await publishContracts(storage, at('2.0.0'))).toEqual({ index: 2, changed: true });
});

test('an index of an older release is followed by one that says what its versions govern', async () => {
  const storage = createMemoryStorage();
  await publishContracts(storage, files);
  const entries = files.map(({ contract: { name, version } }) => ({ name, version }));
  const carried = { name: 'of_somebody_else', version: '1.0.0' };
  await storage.createIfAbsent(contractIndexPath(2), encodeContractIndex(2, [...entries, carried]));
  expect(await publishContracts(storage, files)).toEqual({ index: 3, changed: true });
  const index = await readNewestIndex(storage);
  expect(index?.contracts.map(({ name, eventTypes }) => [name, eventTypes])).toEqual([
    [carried.name, undefined],
    ...files.map(({ contract }) => [contract.name, [...contract.eventTypes].sort()]),
  ]);
  expect(await publishContracts(storage, files)).toEqual({ index: 3, changed: false });
});

test.each([
  ['1.10.0', '1.9.9'],
  ['2.0.0', '1.99.0'],
  ['1.0.0', '1.0.0-rc.1'],
  ['1.0.0-rc.10', '1.0.0-rc.9'],
  ['1.0.0-rc.1', '1.0.0-beta'],
  ['1.0.1', '1.0'],
])('%s is newer than %s, and not the other way round', (newer, older) => {
  expect(isNewer(newer, older)).toBe(true);
  expect(isNewer(older, newer)).toBe(false);
  expect(isNewer(newer, newer)).toBe(false);
});
