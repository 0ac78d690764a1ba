import { createHash } from 'node:crypto';
import {
  compile,
  CONTRACT_INDEX_PREFIX,
  contractIndexPath,
  decodeContractIndex,
  type IndexEntry,
  loadContract,
  newestContractIndex,
} from '@millrace/contracts';
import { type Storage, StorageError } from '@millrace/storage';
import { formerDedupes } from './former-dedupe';
import { type ContractInForce, ContractsInForce } from './in-force';

/** The highest index in storage that is above `after`, or null. */
export async function newestIndex(storage: Storage, after: number): Promise<number | null> {
  const paths: string[] = [];
  const startAfter = after > 0 ? contractIndexPath(after) : undefined;
  for await (const { path } of storage.list(CONTRACT_INDEX_PREFIX, startAfter ? { startAfter } : undefined))
    paths.push(path);
  const newest = newestContractIndex(paths);
  return newest > after ? newest : null;
}

/**
 * Reads the contracts of an index. A version file that is absent or cannot be used makes its contract unavailable; an
 * index file that cannot be read rejects.
 */
export async function readContracts(
  storage: Storage,
  index: number,
  known?: ContractsInForce,
): Promise<ContractsInForce> {
  // Version files are immutable, so what is compiled stays so.
  const cache = new Map(known?.contracts.map((contract) => [contract.label, contract]));
  const load = async (entry: IndexEntry): Promise<ContractInForce | null> => {
    const label = labelOf(entry);
    const contract = cache.get(label) ?? (await readContract(storage, entry));
    if (contract) cache.set(label, contract);
    return contract;
  };
  const contracts: ContractInForce[] = [];
  const unavailable: IndexEntry[] = [];
  for (const entry of await readIndex(storage, index)) {
    const contract = await load(entry);
    if (contract) contracts.push(contract);
    else unavailable.push(entry);
  }
  const former = await formerDedupes(storage, index, contracts, async (before) => {
    const loaded = await Promise.all((await readIndex(storage, before)).map(load));
    return loaded.filter((contract) => contract !== null);
  });
  return new ContractsInForce(index, contracts, unavailable, former);
}

async function readIndex(storage: Storage, index: number): Promise<readonly IndexEntry[]> {
  return decodeContractIndex(await storage.get(contractIndexPath(index))).contracts;
}

const labelOf = ({ name, version }: { readonly name: string; readonly version: string }): string =>
  `${name}@${version}`;

async function readContract(storage: Storage, entry: IndexEntry): Promise<ContractInForce | null> {
  let bytes: Buffer;
  try {
    bytes = await storage.get(entry.path);
  } catch (error) {
    if (error instanceof StorageError && (error.code === 'STORAGE_NOT_FOUND' || error.code === 'STORAGE_BAD_PATH'))
      return null;
    throw error;
  }
  try {
    const compiled = compile(loadContract(bytes.toString('utf8')));
    if (compiled.name !== entry.name || compiled.version !== entry.version) return null;
    return {
      compiled,
      label: labelOf(entry),
      schemaHash: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    };
  } catch {
    // Published by a version of table-manager that knows more than this one: an upgrade heals it, by a replay.
    return null;
  }
}
