import type { CompiledContract } from './compile';
import { compileParsed, compileText } from './compile-text';
import { contractSet, type ContractSet, type PublishedContract, type UnavailableContract } from './contract-set';
import {
  CONTRACT_INDEX_PREFIX,
  contractIndexPath,
  contractParsedPath,
  decodeContractIndex,
  type IndexEntry,
  newestContractIndex,
} from './index-file';
import { decodeParsedContract, sha256Of } from './parsed-file';

/** What is needed of a storage to read contracts from it. Errors of `get` for what is not there have these codes. */
export interface ContractReader {
  get(path: string): Promise<Buffer>;
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<{ readonly path: string }>;
}

/** Version files that are read at once. */
const READS_MAX = 16;

const ABSENT: readonly unknown[] = ['STORAGE_NOT_FOUND', 'STORAGE_BAD_PATH'];

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
  const read: (PublishedContract | string | undefined)[] = entries.map((entry) => known.get(labelOf(entry)));
  const absent = [...entries.keys()].filter((i) => read[i] === undefined);
  await inParallel(absent, async (i) => (read[i] = await readVersion(reader, entries[i], known)));
  const contracts: PublishedContract[] = [];
  const unavailable: UnavailableContract[] = [];
  for (const [i, entry] of entries.entries()) {
    const found = read[i] as PublishedContract | string;
    if (typeof found === 'string') {
      unavailable.push({ name: entry.name, version: entry.version, eventTypes: entry.eventTypes ?? null, why: found });
      continue;
    }
    contracts.push(found);
  }
  return settleClaims(index, contracts, unavailable);
}

const labelOf = ({ name, version }: IndexEntry): string => `${name}@${version}`;

async function inParallel<T>(values: readonly T[], task: (value: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < values.length) await task(values[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(READS_MAX, values.length) }, lane));
}

/** The contract, or why it cannot be used. */
async function readVersion(
  reader: Pick<ContractReader, 'get'>,
  entry: IndexEntry,
  known: Map<string, PublishedContract>,
): Promise<PublishedContract | string> {
  const { name, version } = entry;
  try {
    const found = (await readParsed(reader, entry)) ?? (await readText(reader, entry));
    if (found === null) return 'its file is not in storage';
    const { compiled, sha256 } = found;
    if (compiled.name !== name || compiled.version !== version)
      return `its file is of ${compiled.name} ${compiled.version}`;
    const label = labelOf(entry);
    const published = { compiled, label, schemaHash: sha256.slice(0, 16) };
    known.set(label, published);
    return published;
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return `its file cannot be used: ${error.message}`;
  }
}

/** Perhaps published by a release that knows more than this one. */
class Unusable extends Error {}

interface ReadContract {
  readonly compiled: CompiledContract;
  readonly sha256: string;
}

/** Null where it was not parsed before, or in a way that this release does not know: then its text is what there is. */
async function readParsed(
  reader: Pick<ContractReader, 'get'>,
  { name, version }: IndexEntry,
): Promise<ReadContract | null> {
  const bytes = await bytesOf(reader, contractParsedPath(name, version));
  const parsed = bytes && decodeParsedContract(bytes);
  if (!parsed) return null;
  try {
    return { compiled: compileParsed(parsed), sha256: parsed.sha256 };
  } catch {
    return null;
  }
}

/** Null where it is not in storage. */
async function readText(reader: Pick<ContractReader, 'get'>, { path }: IndexEntry): Promise<ReadContract | null> {
  const bytes = await bytesOf(reader, path);
  if (!bytes) return null;
  try {
    return { compiled: compileText(bytes.toString('utf8')), sha256: sha256Of(bytes) };
  } catch (error) {
    throw new Unusable((error as Error).message, { cause: error });
  }
}

async function bytesOf(reader: Pick<ContractReader, 'get'>, path: string): Promise<Buffer | null> {
  try {
    return await reader.get(path);
  } catch (error) {
    if (ABSENT.includes((error as { code?: unknown }).code)) return null;
    throw error;
  }
}

const isReviewed = ({ compiled }: PublishedContract): boolean => compiled.contract.inferred !== 'unreviewed';

/** Of contracts that claim one event type or table nobody could say which decides: none of them does. */
function settleClaims(
  index: number,
  given: readonly PublishedContract[],
  unavailable: readonly UnavailableContract[],
): PublishedContracts {
  const typesOfPeople = new Set(given.filter(isReviewed).flatMap(({ compiled }) => compiled.eventTypes));
  // What was inferred speaks for a type until a person does.
  const contracts = given.filter(
    (one) => isReviewed(one) || !one.compiled.eventTypes.some((type) => typesOfPeople.has(type)),
  );
  const contested = new Map<PublishedContract, string>();
  for (const [claim, by] of claimedTwice(contracts)) {
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

/** What several of the contracts claim, as nearly always nothing is. */
function claimedTwice(contracts: readonly PublishedContract[]): ReadonlyMap<string, readonly PublishedContract[]> {
  const types = new Map<string, PublishedContract>();
  const tables = new Map<string, PublishedContract>();
  const twice = new Map<string, PublishedContract[]>();
  const claim = (claims: typeof types, what: string, value: string, contract: PublishedContract): void => {
    const first = claims.get(value);
    if (!first) claims.set(value, contract);
    else {
      const named = `the ${what} "${value}"`;
      twice.set(named, [...(twice.get(named) ?? [first]), contract]);
    }
  };
  for (const contract of contracts) {
    for (const type of contract.compiled.eventTypes) claim(types, 'event type', type, contract);
    claim(tables, 'table', contract.compiled.table, contract);
  }
  return twice;
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
  const read = new Map(known?.published?.map((one) => [one.label, one]));
  const { contracts, unavailable } = await readPublished(reader, wanted, read);
  const set = contractSet(
    wanted,
    contracts.map(({ compiled }) => compiled),
    unavailable,
  );
  return { ...set, published: contracts };
}
