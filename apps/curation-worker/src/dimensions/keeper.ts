import type { PublishedContract } from '@millrace/contracts';
import { StorageError } from '@millrace/storage';
import type { LandingStore } from '../landing/port';
import { type DimensionsInForce, type LoadedHistory, NO_DIMENSIONS } from './enrich';
import type { DimensionFiles } from './files';
import type { VersionIndex } from './index-of-versions';
import type { DimensionEntry } from './model';

interface Held extends LoadedHistory {
  readonly path: string;
}

/** Keeps the dimensions that contracts ask for in memory, each at the version in force when it was last looked at. */
export class DimensionsKeeper {
  private held = new Map<string, Held>();
  private current: DimensionsInForce = NO_DIMENSIONS;

  constructor(
    private readonly store: Pick<LandingStore, 'dimensions'>,
    private readonly files: DimensionFiles,
    private readonly onUnreadable: (entry: DimensionEntry, error: Error) => void = () => undefined,
  ) {}

  /** @returns the same object as before where nothing has changed */
  async refresh(contracts: readonly PublishedContract[]): Promise<DimensionsInForce> {
    const wanted = new Set(contracts.flatMap(({ compiled }) => compiled.enrichments.map(({ dimension }) => dimension)));
    if (wanted.size === 0 && this.held.size === 0) return this.current;
    const entries = wanted.size === 0 ? [] : await this.store.dimensions();
    const next = new Map<string, Held>();
    for (const entry of entries) {
      if (!wanted.has(entry.name)) continue;
      const id = idOf(entry.tenant, entry.name);
      const known = this.held.get(id);
      const isKnown = known?.path === entry.path;
      const { path, attributes } = entry;
      const index = isKnown ? known.index : await this.read(entry);
      if (index) next.set(id, isKnown ? known : { path, attributes, index });
      else if (known) next.set(id, known);
    }
    const isSame = next.size === this.held.size && [...next].every(([id, held]) => this.held.get(id) === held);
    if (isSame) return this.current;
    this.held = next;
    return (this.current = { get: (tenant, name) => next.get(idOf(tenant, name)) });
  }

  /**
   * Null for a history that cannot be read although the storage is there: it is damaged, or a newer one has replaced it
   * meanwhile. What was known before is used until the next look, and one tenant's file holds up no other's events.
   */
  private async read(entry: DimensionEntry): Promise<VersionIndex | null> {
    try {
      return await this.files.read(entry);
    } catch (error) {
      if (error instanceof StorageError && error.canRetry) throw error;
      this.onUnreadable(entry, error as Error);
      return null;
    }
  }
}

const idOf = (tenant: string, name: string): string => `${tenant}\0${name}`;
