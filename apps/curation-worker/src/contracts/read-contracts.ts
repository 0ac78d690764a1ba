import { type PublishedContract, readPublished } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { dedupeHistory } from './former-dedupe';
import { ContractsInForce } from './in-force';

/**
 * Reads the contracts of an index, and how their events were deduplicated before. Rejects as `readPublished` does.
 *
 * @param known those of an earlier index, or of this one: what they hold is not read again
 */
export async function readContracts(
  storage: Storage,
  index: number,
  known?: ContractsInForce,
): Promise<ContractsInForce> {
  const compiled = new Map(known?.contracts.map((contract): [string, PublishedContract] => [contract.label, contract]));
  const { contracts, unavailable } = await readPublished(storage, index, compiled);
  const load = async (before: number) => (await readPublished(storage, before, compiled)).contracts;
  // What could not be read then may be there now, and in earlier indexes, too.
  const before = known?.unavailable.length === 0 ? known.history : null;
  return new ContractsInForce(
    index,
    contracts,
    unavailable,
    await dedupeHistory(storage, index, contracts, load, before),
  );
}
