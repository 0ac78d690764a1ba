import {
  type CatalogContract,
  contractIndexPath,
  contractVersionPath,
  decodeContractIndex,
  encodeContractIndex,
  newestIndexIn,
} from '@millrace/contracts';
import { type Storage, StorageError } from '@millrace/storage';

/** A published version may not be changed: whoever validated under it must find the same text for ever. */
export class ContractChangedError extends Error {}

export interface Published {
  readonly index: number;
  /** False when everything was published before. */
  readonly changed: boolean;
}

/**
 * Publishes contract files: each version once, then an index that names the versions in force. Contracts that are in
 * force already and not among `files` stay. Safe to call from several processes at once.
 */
export async function publishContracts(storage: Storage, files: readonly CatalogContract[]): Promise<Published> {
  for (const { contract, yaml } of files) await publishVersion(storage, contract.name, contract.version, yaml);
  for (;;) {
    const newest = await readNewestIndex(storage);
    const inForce = new Map(newest?.contracts.map((entry) => [entry.name, entry.version]));
    const before = new Map(inForce);
    for (const { contract } of files) inForce.set(contract.name, contract.version);
    if (
      newest &&
      inForce.size === before.size &&
      [...inForce].every(([name, version]) => before.get(name) === version)
    ) {
      return { index: newest.index, changed: false };
    }
    const index = (newest?.index ?? 0) + 1;
    const contracts = [...inForce].map(([name, version]) => ({ name, version }));
    try {
      await storage.createIfAbsent(contractIndexPath(index), encodeContractIndex(index, contracts));
      return { index, changed: true };
    } catch (error) {
      // Another process took the number: look again at what it published.
      if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
    }
  }
}

export async function readNewestIndex(storage: Storage): Promise<ReturnType<typeof decodeContractIndex> | null> {
  const newest = await newestIndexIn(storage);
  return newest === 0 ? null : decodeContractIndex(await storage.get(contractIndexPath(newest)));
}

async function publishVersion(storage: Storage, name: string, version: string, yaml: string): Promise<void> {
  const path = contractVersionPath(name, version);
  try {
    await storage.createIfAbsent(path, Buffer.from(yaml));
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
    if ((await storage.get(path)).toString('utf8') !== yaml) {
      throw new ContractChangedError(
        `contract ${name} ${version} is published with another text; give the change a new version`,
      );
    }
  }
}
