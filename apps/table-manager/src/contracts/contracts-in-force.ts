import { type CatalogContract, type ContractSet, contractSet, loadContractSet } from '@millrace/contracts';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import { readNewestIndex } from './change-index';
import { completeParsed } from './parsed-versions';
import { publishContracts } from './publish';

/** The contracts in force, as storage has them. */
export class ContractsInForce {
  private set: ContractSet = contractSet(0, []);

  constructor(
    private readonly storage: Storage,
    /** Those that come with the product. */
    private readonly bundled: readonly CatalogContract[],
    private readonly failpoint: Failpoint<'table-manager'> = noFailpoints,
  ) {}

  current(): ContractSet {
    return this.set;
  }

  /** The number of the newest index, which has been looked for. */
  async newest(): Promise<number> {
    await this.reload();
    return this.set.index;
  }

  /** Looks for a newer index. */
  async reload(): Promise<void> {
    this.set = (await loadContractSet(this.storage, { known: this.set })) ?? this.set;
  }

  /** Publishes what is bundled, unless it is there already. Returns the index in force. */
  async publish(): Promise<number> {
    await publishContracts(this.storage, this.bundled, this.failpoint);
    await completeParsed(this.storage, (await readNewestIndex(this.storage))?.contracts ?? []);
    return this.newest();
  }
}
