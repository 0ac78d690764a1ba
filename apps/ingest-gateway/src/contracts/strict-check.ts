import {
  type CompiledContract,
  type ContractReader,
  type ContractSet,
  loadContractSet,
  type PayloadText,
} from '@millrace/contracts';
import { decode, type Refusal } from '@millrace/envelope';
import type { StrictCheck } from '../capture/batch';
import { refuseForNow } from '../capture/capture';

export interface ContractSourceOptions {
  readonly storage: ContractReader;
  readonly now: () => number;
  /** The index is looked up again after this time, ms: how stale a strict answer may be. */
  readonly freshMsMax: number;
  /** What becomes of events of types without a contract; default `infer`: they are accepted. */
  readonly unknownTypes?: 'infer' | 'quarantine' | 'refuse';
  /** Told when contracts could not be read and older ones are used. */
  readonly onError: (error: unknown) => void;
}

const UNKNOWN_TYPE: Refusal = {
  reason: 'refused_type',
  rule: 'a contract governs the event type; types without one are refused here',
  path: '$.event_type',
};

/** What curation would quarantine the event for, but for policies that leave it to curation. */
function faultOf(contract: CompiledContract, payload: unknown, envelope: PayloadText): Refusal | null {
  const violation = contract.validate(payload, envelope)[0];
  if (violation && !contract.recovers?.(payload)) return violation;
  return (contract.drift.policy === 'reject' && contract.unknownField?.(payload)) || null;
}

/**
 * The contracts in force, read from the numbered index in storage when a request asks for them. Checking at the door is a
 * service to producers; the verdict that counts is curation's, under the index of the batch.
 */
export class ContractSource {
  private current: ContractSet | null = null;
  private classified: boolean | null = null;
  private checkedMs = -Infinity;
  private loading: Promise<void> | null = null;

  constructor(private readonly options: ContractSourceOptions) {}

  /** @throws ProblemException 503 while no contracts are known; the check does for a type whose contract is of no use */
  async strictCheck(): Promise<StrictCheck> {
    const set = await this.contracts();
    const contractFor = (type: string) => set.byEventType(type);
    return (value, headers) => {
      const decoded = decode(value, headers, { contractFor });
      if (!decoded.ok) return { decoded, fault: decoded.refusal };
      const { eventType, payload } = decoded.envelope;
      if (set.unavailableFor(eventType))
        throw refuseForNow(`The contract of ${eventType} cannot be used yet, so nothing can be checked against it.`);
      const contract = set.byEventType(eventType);
      if (!contract) return { decoded, fault: this.options.unknownTypes === 'refuse' ? UNKNOWN_TYPE : null };
      return { decoded, fault: faultOf(contract, payload, decoded.envelope) };
    };
  }

  /**
   * Whether a contract in force classifies fields, or may, as far as contracts have been read. Null before the first index:
   * what arrives now is curated under it.
   */
  classify(): boolean | null {
    return this.classified;
  }

  /** Looks for a newer index; one that is being looked for already may have been listed before it was there. */
  async refresh(): Promise<void> {
    await this.loading;
    await (this.loading ??= this.load().finally(() => (this.loading = null)));
  }

  private async contracts(): Promise<ContractSet> {
    const age = this.options.now() - this.checkedMs;
    // A clock that was set back must not keep contracts for ever.
    if (!this.current || age < 0 || age > this.options.freshMsMax) {
      this.loading ??= this.load().finally(() => (this.loading = null));
      await this.loading;
    }
    if (!this.current) throw refuseForNow('The contracts cannot be read yet, so nothing can be checked against them.');
    return this.current;
  }

  private async load(): Promise<void> {
    try {
      const set = await loadContractSet(this.options.storage, { known: this.current });
      this.current = set;
      this.classified = set && (set.unavailable.length > 0 || set.contracts.some(({ privacy }) => privacy !== null));
      this.checkedMs = this.options.now();
    } catch (error) {
      this.options.onError(error);
    }
  }
}
