import type { CompiledContract } from './compile';

/** The contracts in force at one index: an immutable snapshot, replaced as a whole when contracts change. */
export interface ContractSet {
  /** Number of the index file it was read from; 0 for the empty set before the first. */
  readonly index: number;
  readonly contracts: readonly CompiledContract[];
  byEventType(type: string): CompiledContract | undefined;
  byName(name: string): CompiledContract | undefined;
}

/** @throws Error when two contracts claim one name, event type or table: nobody could say which one decides. */
export function contractSet(index: number, contracts: readonly CompiledContract[]): ContractSet {
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
    byEventType: (type) => byType.get(type),
    byName: (name) => byName.get(name),
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
