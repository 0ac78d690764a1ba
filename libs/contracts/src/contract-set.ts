import type { CompiledContract } from './compile';

/** A contract version of an index, read and compiled. */
export interface PublishedContract {
  readonly compiled: CompiledContract;
  /** `<name>@<version>`, as rows name it. */
  readonly label: string;
  /** First 16 hex digits of the SHA-256 of the contract's file. */
  readonly schemaHash: string;
}

/** A contract version that an index names and that cannot be used. */
export interface UnavailableContract {
  readonly name: string;
  readonly version: string;
  /** What it governs; null where the index does not say, as those of older releases do not. */
  readonly eventTypes: readonly string[] | null;
  /** For an operator. */
  readonly why: string;
}

/** Whether an unusable contract governs events of a type, or may. */
export const mayGovern = ({ eventTypes }: UnavailableContract, type: string): boolean =>
  eventTypes === null || eventTypes.includes(type);

/** The contracts in force at one index: an immutable snapshot, replaced as a whole when contracts change. */
export interface ContractSet {
  /** Number of the index file it was read from; 0 for the empty set before the first. */
  readonly index: number;
  readonly contracts: readonly CompiledContract[];
  /** Named by the index, and of no use: events of their types can be neither accepted nor refused. */
  readonly unavailable: readonly UnavailableContract[];
  /** The contracts as they were read from storage: what stays as it is is not read for the next index. */
  readonly published?: readonly PublishedContract[];
  byEventType(type: string): CompiledContract | undefined;
  byName(name: string): CompiledContract | undefined;
  /** For a type that no usable contract governs: the unusable one that does, or may. */
  unavailableFor(type: string): UnavailableContract | undefined;
}

/** @throws Error when two contracts claim one name, event type or table: nobody could say which one decides. */
export function contractSet(
  index: number,
  contracts: readonly CompiledContract[],
  unavailable: readonly UnavailableContract[] = [],
): ContractSet {
  const byName = new Map<string, CompiledContract>();
  const byType = new Map<string, CompiledContract>();
  const byTable = new Map<string, CompiledContract>();
  for (const contract of contracts) {
    claim(byName, contract.name, contract, 'name');
    claim(byTable, contract.table, contract, 'table');
    for (const type of contract.eventTypes) claim(byType, type, contract, 'event type');
  }
  return {
    index,
    contracts,
    unavailable,
    byEventType: (type) => byType.get(type),
    byName: (name) => byName.get(name),
    unavailableFor: (type) =>
      byType.has(type) ? undefined : unavailable.find((contract) => mayGovern(contract, type)),
  };
}

function claim(claims: Map<string, CompiledContract>, key: string, contract: CompiledContract, what: string): void {
  const other = claims.get(key);
  if (other)
    throw new Error(
      `contracts ${other.name} ${other.version} and ${contract.name} ${contract.version} both claim the ${what} "${key}"`,
    );
  claims.set(key, contract);
}
