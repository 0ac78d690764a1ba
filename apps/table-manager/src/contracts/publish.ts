import { type CatalogContract, contractVersionPath } from '@millrace/contracts';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import { type Storage, StorageError } from '@millrace/storage';
import { changeIndex, type Named, type Published, withVersion } from './change-index';
import { writeParsed } from './parsed-versions';
import { isNewer } from './version-order';

/** A published version may not be changed: whoever validated under it must find the same text for ever. */
export class ContractChangedError extends Error {}

/**
 * Publishes contract files: each version once, then an index that names the versions in force. Contracts that are in
 * force already and not among `files` stay, and so does a newer version than that of `files`: an old release that is
 * started again takes nothing back. Safe to call from several processes at once.
 */
export async function publishContracts(
  storage: Storage,
  files: readonly CatalogContract[],
  failpoint: Failpoint<'table-manager'> = noFailpoints,
): Promise<Published> {
  for (const { contract, yaml } of files) {
    await publishVersion(storage, contract.name, contract.version, yaml);
    await failpoint('contract-written');
  }
  const change = (inForce: Map<string, Named>): boolean => {
    const changes = files.filter(({ contract }) => isChange(contract, inForce.get(contract.name)));
    for (const { contract } of changes) inForce.set(contract.name, withVersion(inForce.get(contract.name), contract));
    return changes.length > 0;
  };
  return changeIndex(storage, change, { failpoint });
}

/** A newer version; or this one, named by an index of an older release, which does not say what it governs. */
function isChange({ version }: Named, known: Named | undefined): boolean {
  if (!known || isNewer(version, known.version)) return true;
  return version === known.version && known.eventTypes === undefined;
}

/** @throws ContractChangedError when the version is there with another text */
export async function publishVersion(storage: Storage, name: string, version: string, yaml: string): Promise<void> {
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
  await writeParsed(storage, name, version, yaml);
}
