import type { Logger } from '@millrace/observability';
import { newestIndexIn } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { DEFAULT_DEDUPE } from '../claims/claim-key';
import { DimensionsKeeper } from '../dimensions/keeper';
import { DimensionFiles } from '../dimensions/files';
import { createEnrich, type DimensionsInForce, type Enrich } from '../dimensions/enrich';
import { LandingError, type LandingStore } from '../landing/port';
import { ContractsInForce } from './in-force';
import { readContracts } from './read-contracts';

export interface InForce {
  readonly contracts: ContractsInForce;
  readonly keysEpoch: number;
  readonly lineId: string;
  readonly enrich: Enrich;
}

/**
 * Keeps the contracts in force up to date with storage and with the line. Each worker makes the line require the newest
 * index that it has read; landings under an older one then fail at their last step and are redone, so that a change
 * takes effect at one number for all workers.
 */
export class ContractsKeeper {
  private readonly dimensions: DimensionsKeeper;
  private inForce: InForce | null = null;
  private enrichedFrom: DimensionsInForce | null = null;
  private refreshing: Promise<void> | null = null;

  constructor(
    private readonly store: LandingStore,
    private readonly storage: Storage,
    private readonly logger: Logger,
    dimensionFiles = new DimensionFiles(storage),
  ) {
    this.dimensions = new DimensionsKeeper(store, dimensionFiles, ({ tenant, name, version }, error) =>
      logger.error({ tenant, name, version, error }, 'a history of a dimension cannot be used; the former one is'),
    );
  }

  /** Null until the first index has been published: nothing lands unchecked before that. */
  get current(): InForce | null {
    return this.inForce;
  }

  /** Contracts that cannot be used, and dimensions that have no room, for people; null where there are none. */
  notice(): string | null {
    const contracts = this.unavailable.map(({ name, version }) => `${name} ${version}`).join(', ');
    const dimensions = this.dimensions.tooLarge.map(({ name }) => name).join(', ');
    const notices = [
      ...(contracts === '' ? [] : [`contracts that cannot be used: ${contracts}`]),
      ...(dimensions === '' ? [] : [`dimensions that exceed DIMENSIONS_MEMORY_MAX: ${dimensions}`]),
    ];
    return notices.length === 0 ? null : notices.join('; ');
  }

  /** Memory of the histories that contracts ask for beside one dimension, in bytes. */
  dimensionBytesBeside(tenant: string, name: string): number {
    return this.dimensions.bytesBeside(tenant, name);
  }

  get unavailable(): ContractsInForce['unavailable'] {
    return this.inForce?.contracts.unavailable ?? [];
  }

  /** Rejects with a retriable error when storage or store is away, or storage does not show what the line requires. */
  refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** Storage has changed just now: a look at it that has begun already may have missed that. */
  async wake(): Promise<void> {
    await this.refreshing?.catch(() => undefined);
    await this.refresh();
  }

  private async read(): Promise<void> {
    const known = this.inForce?.contracts;
    const newest = await newestIndexIn(this.storage, known?.index ?? 0);
    const index = newest || known?.index;
    if (index === undefined) return;
    const contracts =
      newest === 0 && known?.unavailable.length === 0 ? known : await readContracts(this.storage, index, known);
    await this.store.adoptContracts(contracts.index, windowDaysMin(contracts));
    const line = await this.store.line();
    if (line.contractsIndex > contracts.index) {
      throw new LandingError(
        'LANDING_UNAVAILABLE',
        `the line requires contracts index ${line.contractsIndex}, storage shows ${contracts.index}`,
      );
    }
    if (newsOf(contracts) !== newsOf(known)) this.report(contracts);
    const dimensions = await this.dimensions.refresh(contracts.contracts);
    const isSame = dimensions === this.enrichedFrom && this.inForce !== null;
    const enrich = isSame && this.inForce?.contracts === contracts ? this.inForce.enrich : createEnrich(dimensions);
    this.enrichedFrom = dimensions;
    this.inForce = { contracts, keysEpoch: line.keysEpoch, lineId: line.id, enrich };
  }

  private report(contracts: ContractsInForce): void {
    this.logger.info({ position: contracts.index, count: contracts.contracts.length }, 'contracts in force');
    for (const { name, version, why } of contracts.unavailable) {
      this.logger.error(
        { contract: name, contractVersion: version, reason: why },
        'a contract of the index cannot be used; its events are quarantined',
      );
    }
  }
}

/** What is worth a line in the log when it changes. */
const newsOf = (contracts: ContractsInForce | undefined): string =>
  JSON.stringify([contracts?.index, contracts?.unavailable]);

const windowDaysMin = ({ contracts }: ContractsInForce): number =>
  Math.min(DEFAULT_DEDUPE.windowDays, ...contracts.map(({ compiled }) => compiled.windowDays));
