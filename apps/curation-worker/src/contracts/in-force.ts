import type { CompiledContract, Dedupe } from '@millrace/contracts';

export interface ContractInForce {
  readonly compiled: CompiledContract;
  /** `<name>@<version>`, as rows name it. */
  readonly label: string;
  /** First 16 hex digits of the SHA-256 of the contract's file. */
  readonly schemaHash: string;
}

/** How events of a type were deduplicated before, as long as claims of that time are kept. */
export interface FormerDedupe {
  readonly dedupe: Dedupe;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

const NONE: readonly FormerDedupe[] = [];

/**
 * The contracts at one index: an immutable snapshot. What the index names but storage does not hold, or holds in a form
 * that cannot be used, is `unavailable`: events that it may govern are quarantined and healed by a replay.
 */
export class ContractsInForce {
  private readonly byType = new Map<string, ContractInForce>();

  constructor(
    readonly index: number,
    readonly contracts: readonly ContractInForce[],
    readonly unavailable: readonly { readonly name: string; readonly version: string }[] = [],
    private readonly former: ReadonlyMap<string, readonly FormerDedupe[]> = new Map(),
  ) {
    for (const contract of contracts) for (const type of contract.compiled.eventTypes) this.byType.set(type, contract);
  }

  contractOf(eventType: string): ContractInForce | undefined {
    return this.byType.get(eventType);
  }

  /**
   * Ways in which events of a type were deduplicated until not long ago: an event is claimed under them too, or it would
   * not meet what had landed before the change.
   */
  formerDedupe(eventType: string): readonly FormerDedupe[] {
    return this.former.get(eventType) ?? NONE;
  }

  /** For an event type that no usable contract governs: the unusable one that may, if there is any. */
  unavailableFor(eventType: string): { readonly name: string; readonly version: string } | undefined {
    return this.byType.has(eventType) ? undefined : this.unavailable[0];
  }
}
