import { readCatalogDir } from '@millrace/contracts';
import { createMemoryStorage } from '@millrace/storage/memory';
import { ContractChangedError, publishContracts, readNewestIndex } from './publish';

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
