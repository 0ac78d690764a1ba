import { createHash } from 'node:crypto';
import type { CompiledContract } from './compile';
import { compileText } from './compile-text';
import { contractSet, type ContractSet, type UnavailableContract } from './contract-set';
import {
  CONTRACT_INDEX_PREFIX,
  contractIndexPath,
  decodeContractIndex,
  type IndexEntry,
  newestContractIndex,
} from './index-file';

/** What is needed of a storage to read contracts from it. Errors of `get` for what is not there have these codes. */
export interface ContractReader {
  get(path: string): Promise<Buffer>;
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<{ readonly path: string }>;
}

const ABSENT: readonly unknown[] = ['STORAGE_NOT_FOUND', 'STORAGE_BAD_PATH'];

/** A contract version of an index, read and compiled. */
export interface PublishedContract {
  readonly compiled: CompiledContract;
  /** `<name>@<version>`, as rows name it. */
  readonly label: string;
  /** First 16 hex digits of the SHA-256 of the contract's file. */
  readonly schemaHash: string;
}

export interface PublishedContracts {
  readonly index: number;
  readonly contracts: readonly PublishedContract[];
  readonly unavailable: readonly UnavailableContract[];
}

/** The highest index in storage that is above `after`; 0 where there is none. */
export async function newestIndexIn(reader: ContractReader, after = 0): Promise<number> {
  const paths: string[] = [];
  const options = after > 0 ? { startAfter: contractIndexPath(after) } : undefined;
  for await (const object of reader.list(CONTRACT_INDEX_PREFIX, options)) paths.push(object.path);
  const newest = newestContractIndex(paths);
  return newest > after ? newest : 0;
}

/**
 * The contracts of an index, each by itself: one whose file is absent, is no contract, or claims what another claims is
 * unavailable, and the others are as they would be without it.
 *
 * @param known compiled before: version files are immutable, so they stay as they are; what is read is added to it
 * @throws whatever the reader throws but for absent version files; Error for a file that is no index
 */
export async function readPublished(
  reader: Pick<ContractReader, 'get'>,
  index: number,
  known: Map<string, PublishedContract> = new Map(),
): Promise<PublishedContracts> {
  const entries = decodeContractIndex(await reader.get(contractIndexPath(index))).contracts;
  const contracts: PublishedContract[] = [];
  const unavailable: UnavailableContract[] = [];
  for (const entry of entries) {
    const label = `${entry.name}@${entry.version}`;
    const read = known.get(label) ?? (await readVersion(reader, entry, label));
    if (typeof read === 'string') {
      unavailable.push({ name: entry.name, version: entry.version, eventTypes: entry.eventTypes ?? null, why: read });
      continue;
    }
    known.set(label, read);
    contracts.push(read);
  }
  return settleClaims(index, contracts, unavailable);
}

/** The contract, or why it cannot be used. */
async function readVersion(
  reader: Pick<ContractReader, 'get'>,
  { name, version, path }: IndexEntry,
  label: string,
): Promise<PublishedContract | string> {
  let bytes: Buffer;
  try {
    bytes = await reader.get(path);
  } catch (error) {
    if (ABSENT.includes((error as { code?: unknown }).code)) return 'its file is not in storage';
    throw error;
  }
  try {
    const compiled = compileText(bytes.toString('utf8'));
    if (compiled.name !== name || compiled.version !== version)
      return `its file is of ${compiled.name} ${compiled.version}`;
    return { compiled, label, schemaHash: createHash('sha256').update(bytes).digest('hex').slice(0, 16) };
  } catch (error) {
    // Perhaps published by a release that knows more than this one.
    return `its file cannot be used: ${(error as Error).message}`;
  }
}

const isReviewed = ({ compiled }: PublishedContract): boolean => compiled.contract.inferred !== 'unreviewed';

/** Of contracts that claim one event type or table nobody could say which decides: none of them does. */
function settleClaims(
  index: number,
  given: readonly PublishedContract[],
  unavailable: readonly UnavailableContract[],
): PublishedContracts {
  const claims = new Map<string, PublishedContract[]>();
  const typesOfPeople = new Set(given.filter(isReviewed).flatMap(({ compiled }) => compiled.eventTypes));
  // What was inferred speaks for a type until a person does.
  const contracts = given.filter(
    (one) => isReviewed(one) || !one.compiled.eventTypes.some((type) => typesOfPeople.has(type)),
  );
  for (const contract of contracts) {
    const { eventTypes, table } = contract.compiled;
    for (const claim of [...eventTypes.map((type) => `the event type "${type}"`), `the table "${table}"`])
      claims.set(claim, [...(claims.get(claim) ?? []), contract]);
  }
  const contested = new Map<PublishedContract, string>();
  for (const [claim, by] of claims) {
    if (by.length < 2) continue;
    const why = `${by.map(({ label }) => label).join(' and ')} both claim ${claim}`;
    for (const contract of by) contested.set(contract, why);
  }
  if (contested.size === 0) return { index, contracts, unavailable };
  const setAside = [...contested].map(
    ([
      {
        compiled: { name, version, eventTypes },
      },
      why,
    ]) => ({
      ...{ name, version, eventTypes, why },
    }),
  );
  return {
    index,
    contracts: contracts.filter((contract) => !contested.has(contract)),
    unavailable: [...unavailable, ...setAside],
  };
}

/**
 * The contracts of the newest index. Returns `known` when that is the one already and all of it can be used, and null
 * while none is published.
 */
export async function loadContractSet(
  reader: ContractReader,
  { known = null }: { known?: ContractSet | null } = {},
): Promise<ContractSet | null> {
  const before = known?.index ?? 0;
  const wanted = (await newestIndexIn(reader, before)) || before;
  if (wanted === 0 || (wanted === before && known?.unavailable.length === 0)) return known;
  const { contracts, unavailable } = await readPublished(reader, wanted);
  return contractSet(
    wanted,
    contracts.map(({ compiled }) => compiled),
    unavailable,
  );
}
