/**
 * Contracts in storage: immutable version files, and immutable numbered index files that say which versions are in force.
 * The index with the highest number rules; a number is written once (create-if-absent) and never changed.
 */

/** A contract version in force. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  /** Storage path of the version file. */
  readonly path: string;
  /** What it governs, for whoever cannot use the file; indexes of older releases do not say. */
  readonly eventTypes?: readonly string[];
  /** Movable names of versions, e.g. `stable`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** What the next version must be compatible with; BACKWARD where nothing is said. */
  readonly compatibility?: string;
}

export interface ContractIndex {
  /** 1, 2, … without gaps. */
  readonly index: number;
  /** One entry a contract name, sorted by name. */
  readonly contracts: readonly IndexEntry[];
  /** Who made it what it is, as the audit names principals; a service's own where nothing is said. */
  readonly by?: string;
}

export const CONTRACT_INDEX_PREFIX = 'contracts/index/';
export const CONTRACT_VERSION_PREFIX = 'contracts/versions/';
export const CONTRACT_PARSED_PREFIX = 'contracts/parsed/';

const DIGITS = 20;
const INDEX_PATH = /^contracts\/index\/(\d{20})\.json$/;

export const contractIndexPath = (index: number): string =>
  `${CONTRACT_INDEX_PREFIX}${String(index).padStart(DIGITS, '0')}.json`;

export const contractVersionPath = (name: string, version: string): string =>
  `${CONTRACT_VERSION_PREFIX}${name}/${version}.odcs.yaml`;

/** Where a version file's parsed form is; see parsed-file.ts. */
export const contractParsedPath = (name: string, version: string): string =>
  `${CONTRACT_PARSED_PREFIX}${name}/${version}.json`;

/** The number of an index file's path; null for any other path. */
export function contractIndexOf(path: string): number | null {
  const match = INDEX_PATH.exec(path);
  const index = match ? Number(match[1]) : NaN;
  return Number.isSafeInteger(index) && index > 0 ? index : null;
}

/** The highest index among listed paths, or 0 where there is none. */
export function newestContractIndex(paths: Iterable<string>): number {
  let newest = 0;
  for (const path of paths) newest = Math.max(newest, contractIndexOf(path) ?? 0);
  return newest;
}

/** Equal indexes have equal bytes, so that two writers of one number write the same file. */
export function encodeContractIndex(
  index: number,
  contracts: readonly Omit<IndexEntry, 'path'>[],
  by?: string,
): Buffer {
  const entries = contracts
    .map(({ name, version, eventTypes, aliases, compatibility }): IndexEntry => ({
      ...{ name, version, path: contractVersionPath(name, version) },
      ...(eventTypes && { eventTypes: [...eventTypes].sort() }),
      ...(aliases && Object.keys(aliases).length > 0 && { aliases: sorted(aliases) }),
      ...(compatibility !== undefined && { compatibility }),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const value: ContractIndex = { index, contracts: entries, ...(by !== undefined && { by }) };
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

const sorted = (record: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** @throws Error naming the field for bytes that are no index file. Unknown fields are ignored. */
export function decodeContractIndex(bytes: Uint8Array): ContractIndex {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const { index, contracts, by } = fieldsOf(value);
  if (!Number.isSafeInteger(index) || (index as number) < 1) throw malformed('"index" must be a number from 1');
  if (!Array.isArray(contracts)) throw malformed('"contracts" must be a list');
  const names = new Set<string>();
  for (const [at, entry] of contracts.entries()) {
    assertEntry(entry, at);
    if (names.has(entry.name)) throw malformed(`contracts[${at}].name "${entry.name}" is listed twice`);
    names.add(entry.name);
  }
  return { index: index as number, contracts: contracts as IndexEntry[], ...(typeof by === 'string' && { by }) };
}

/** A start reads hundreds of thousands of entries: they are looked at, and not copied. */
function assertEntry(entry: unknown, at: number): asserts entry is IndexEntry {
  const { name, version, path, eventTypes, aliases, compatibility } = fieldsOf(entry);
  if (typeof name !== 'string') throw malformed(`contracts[${at}].name must be a string`);
  if (typeof version !== 'string') throw malformed(`contracts[${at}].version must be a string`);
  if (typeof path !== 'string') throw malformed(`contracts[${at}].path must be a string`);
  if (eventTypes !== undefined && !(Array.isArray(eventTypes) && eventTypes.every((type) => typeof type === 'string')))
    throw malformed(`contracts[${at}].eventTypes must be a list of strings`);
  if (aliases !== undefined && !Object.values(fieldsOf(aliases)).every((alias) => typeof alias === 'string'))
    throw malformed(`contracts[${at}].aliases must map names to versions`);
  if (compatibility !== undefined && typeof compatibility !== 'string')
    throw malformed(`contracts[${at}].compatibility must be a string`);
}

const malformed = (what: string): Error => new Error(`contract index: ${what}`);

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
