import {
  type CatalogContract,
  contractIndexPath,
  contractVersionPath,
  decodeContractIndex,
  encodeContractIndex,
  type IndexEntry,
  newestIndexIn,
} from '@millrace/contracts';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
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
  for (;;) {
    const newest = await readNewestIndex(storage);
    const inForce = new Map(newest?.contracts.map((entry): [string, Named] => [entry.name, entry]));
    const changes = files.filter(({ contract }) => isChange(contract, inForce.get(contract.name)));
    if (newest && changes.length === 0) return { index: newest.index, changed: false };
    for (const { contract } of changes) inForce.set(contract.name, contract);
    const index = (newest?.index ?? 0) + 1;
    try {
      await storage.createIfAbsent(contractIndexPath(index), encodeContractIndex(index, [...inForce.values()]));
      await failpoint('contracts-indexed');
      return { index, changed: true };
    } catch (error) {
      // Another process took the number: look again at what it published.
      if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
    }
  }
}

type Named = Omit<IndexEntry, 'path'>;

/** A newer version; or this one, named by an index of an older release, which does not say what it governs. */
function isChange({ version }: Named, known: Named | undefined): boolean {
  if (!known || isNewer(version, known.version)) return true;
  return version === known.version && known.eventTypes === undefined;
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

/** By the order of Semantic Versioning 2.0 (section 11); what is no such version compares as text. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [parts(version), parts(than)];
  for (let i = 0; i < Math.max(a.core.length, b.core.length); i++) {
    const order = compare(a.core[i] ?? '0', b.core[i] ?? '0');
    if (order !== 0) return order > 0;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return a.pre.length < b.pre.length;
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = compare(a.pre[i], b.pre[i]);
    if (order !== 0) return order > 0;
  }
  return a.pre.length > b.pre.length;
}

function parts(version: string): { core: string[]; pre: string[] } {
  const [core, ...pre] = version.replace(/^v/, '').split('+')[0].split('-');
  return { core: core.split('.'), pre: pre.length > 0 ? pre.join('-').split('.') : [] };
}

/** Numbers by value and before words. */
function compare(a: string, b: string): number {
  const numbers = [a, b].map((text) => /^\d+$/.test(text));
  if (numbers[0] && numbers[1]) return Number(a) - Number(b);
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
