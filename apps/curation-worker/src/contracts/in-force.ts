import { type Dedupe, mayGovern, type PublishedContract, type UnavailableContract } from '@millrace/contracts';
import { type DedupeHistory, formerDedupes } from './former-dedupe';

export type ContractInForce = PublishedContract;

/** How events of a type were deduplicated before, as long as claims of that time are kept. */
export interface FormerDedupe {
  readonly dedupe: Dedupe;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

const NONE: readonly FormerDedupe[] = [];

/**
 * The contracts at one index: an immutable snapshot. What the index names but storage does not hold, or holds in a form
 * that cannot be used, is `unavailable`: events that it governs, or may, are quarantined and healed by a replay.
 */
export class ContractsInForce {
  /** Whether any of them classifies fields. */
  readonly classify: boolean;
  private readonly byType = new Map<string, ContractInForce>();
  private readonly former: ReadonlyMap<string, readonly FormerDedupe[]>;

  constructor(
    readonly index: number,
    readonly contracts: readonly ContractInForce[],
    readonly unavailable: readonly UnavailableContract[] = [],
    /** Null where nothing of the time before is known. */
    readonly history: DedupeHistory | null = null,
  ) {
    this.former = history ? formerDedupes(history) : new Map();
    this.classify = contracts.some(({ compiled }) => compiled.privacy !== null);
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

  /** For an event type that no usable contract governs: the unusable one that does, or may, if there is any. */
  unavailableFor(eventType: string): UnavailableContract | undefined {
    if (this.unavailable.length === 0 || this.byType.has(eventType)) return undefined;
    return this.unavailable.find((contract) => mayGovern(contract, eventType));
  }
}
