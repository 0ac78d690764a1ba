import { type PublishedContract, readPublished } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { formerDedupes } from './former-dedupe';
import { ContractsInForce } from './in-force';

/** Reads the contracts of an index, and how their events were deduplicated before. Rejects as `readPublished` does. */
export async function readContracts(
  storage: Storage,
  index: number,
  known?: ContractsInForce,
): Promise<ContractsInForce> {
  const compiled = new Map(known?.contracts.map((contract): [string, PublishedContract] => [contract.label, contract]));
  const { contracts, unavailable } = await readPublished(storage, index, compiled);
  const former = await formerDedupes(
    storage,
    index,
    contracts,
    async (before) => (await readPublished(storage, before, compiled)).contracts,
  );
  return new ContractsInForce(index, contracts, unavailable, former);
}
