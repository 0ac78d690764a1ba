import { compile } from './compile';
import { contractSet, type ContractSet } from './contract-set';
import { CONTRACT_INDEX_PREFIX, contractIndexPath, decodeContractIndex, newestContractIndex } from './index-file';
import { loadContract } from './load-contract';

/** What is needed of a storage to read contracts from it. */
export interface ContractReader {
  get(path: string): Promise<Buffer>;
  list(prefix: string): AsyncIterable<{ readonly path: string }>;
}

/** Number of the newest index in storage; 0 while none is published. */
export async function newestIndexIn(reader: ContractReader): Promise<number> {
  const paths: string[] = [];
  for await (const object of reader.list(CONTRACT_INDEX_PREFIX)) paths.push(object.path);
  return newestContractIndex(paths);
}

/**
 * The contracts of an index, by default the newest. Returns `known` when that is the one already, and null while none
 * is published. Rejects when a version that the index names is absent or no contract: then nobody may guess.
 */
export async function loadContractSet(
  reader: ContractReader,
  { index, known = null }: { index?: number; known?: ContractSet | null } = {},
): Promise<ContractSet | null> {
  const wanted = index ?? (await newestIndexIn(reader));
  if (wanted === 0 || wanted === known?.index) return known;
  const { contracts } = decodeContractIndex(await reader.get(contractIndexPath(wanted)));
  const texts = await Promise.all(contracts.map((entry) => reader.get(entry.path)));
  return contractSet(
    wanted,
    texts.map((text) => compile(loadContract(text.toString('utf8')))),
  );
}
