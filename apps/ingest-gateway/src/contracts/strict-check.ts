import { type ContractSet, loadContractSet } from '@millrace/contracts';
import { ProblemException } from '@millrace/service';
import type { Storage } from '@millrace/storage';
import type { StrictCheck } from '../capture/batch';

export interface ContractSourceOptions {
  readonly storage: Storage;
  readonly now: () => number;
  /** The index is looked up again after this time, ms: how stale a strict answer may be. */
  readonly freshMsMax: number;
}

/**
 * The contracts in force, read from the numbered index in storage when a request asks for them. Checking at the door is
 * a service to producers; the verdict that counts is curation's, under the index of the batch.
 */
export class ContractSource {
  private current: ContractSet | null = null;
  private checkedAt = -Infinity;
  private loading: Promise<ContractSet | null> | null = null;

  constructor(private readonly options: ContractSourceOptions) {}

  async strictCheck(): Promise<StrictCheck> {
    const set = await this.contracts();
    return (decoded) => {
      if (!decoded.ok) return decoded.refusal;
      return set.byEventType(decoded.envelope.eventType)?.validate(decoded.envelope.payload, decoded.envelope)[0] ?? null;
    };
  }

  private async contracts(): Promise<ContractSet> {
    if (!this.current || this.options.now() - this.checkedAt > this.options.freshMsMax) {
      this.loading ??= loadContractSet(this.options.storage, { known: this.current }).finally(() => (this.loading = null));
      this.current = await this.loading;
      this.checkedAt = this.options.now();
    }
    if (!this.current) throw new ProblemException(503, { detail: 'No contract is published yet.' }, { 'retry-after': '1' });
    return this.current;
  }
}
