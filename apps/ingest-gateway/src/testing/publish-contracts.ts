import { contractVersionPath, contractIndexPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import { createFilesystemStorage } from '@millrace/storage/filesystem';

/** Publishes the bundled contracts in a lake, as table-manager does at its first start. */
export async function publishContracts(lake: string): Promise<void> {
  const storage = createFilesystemStorage({ root: lake });
  const contracts = readCatalogDir();
  for (const { yaml, contract } of contracts) {
    await storage.createIfAbsent(contractVersionPath(contract.name, contract.version), Buffer.from(yaml));
  }
  const index = encodeContractIndex(
    1,
    contracts.map(({ contract }) => contract),
  );
  await storage.createIfAbsent(contractIndexPath(1), index);
}
