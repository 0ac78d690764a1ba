import { type CatalogContract, contractVersionPath, loadContract } from '@millrace/contracts';
import { type Storage, StorageError } from '@millrace/storage';

/**
 * A contract version to be published. When a process died after it had written the version, and before any index named
 * it, then what it wrote is the version: by now another text would be made of what has been seen since.
 */
export async function toPublish(
  storage: Pick<Storage, 'get'>,
  name: string,
  version: string,
  made: string,
): Promise<CatalogContract> {
  const file = `${name}.odcs.yaml`;
  try {
    const yaml = (await storage.get(contractVersionPath(name, version))).toString('utf8');
    return { file, yaml, contract: loadContract(yaml) };
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'STORAGE_NOT_FOUND') throw error;
    return { file, yaml: made, contract: loadContract(made) };
  }
}
