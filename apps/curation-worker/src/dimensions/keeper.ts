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

/**
 * Keeps the dimensions that contracts ask for in memory, each at the version in force when it was last looked at, and all
 * together within `files.bytesMax`. Loads that would exceed it are refused; where a contract comes to ask for what is too
 * large already, that one is not taken, and `tooLarge` names it.
 */
export class DimensionsKeeper {
  private held = new Map<string, Held>();
  /** Bytes of histories that had no room, by their path: they are not read again in vain. */
  private refused = new Map<string, { readonly entry: DimensionEntry; readonly bytes: number }>();
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
    const refused: typeof this.refused = new Map();
    let bytes = 0;
    // What is there comes first: what is new pushes nothing out.
    const known = (entry: DimensionEntry): number => (this.held.has(idOf(entry.tenant, entry.name)) ? 0 : 1);
    for (const entry of [...entries].sort((a, b) => known(a) - known(b))) {
      if (!wanted.has(entry.name)) continue;
      const id = idOf(entry.tenant, entry.name);
      const former = this.held.get(id);
      const isKnown = former?.path === entry.path;
      const { path, attributes } = entry;
      const sizeMax = this.files.bytesMax - bytes;
      const index = isKnown ? former.index : await this.readWithin(entry, sizeMax, refused);
      const taken = index ? (isKnown ? former : { path, attributes, index }) : former;
      if (!taken) continue;
      next.set(id, taken);
      bytes += taken.index.bytes;
    }
    this.refused = refused;
    const isSame = next.size === this.held.size && [...next].every(([id, held]) => this.held.get(id) === held);
    if (isSame) return this.current;
    this.held = next;
    return (this.current = { get: (tenant, name) => next.get(idOf(tenant, name)) });
  }

  /** Dimensions that contracts ask for and for which there is no room. */
  get tooLarge(): readonly DimensionEntry[] {
    return [...this.refused.values()].map(({ entry }) => entry);
  }

  /** Memory that is held beside one dimension, in bytes. */
  bytesBeside(tenant: string, name: string): number {
    const own = idOf(tenant, name);
    return [...this.held].reduce((sum, [id, { index }]) => (id === own ? sum : sum + index.bytes), 0);
  }

  private async readWithin(
    entry: DimensionEntry,
    bytesMax: number,
    refused: typeof this.refused,
  ): Promise<VersionIndex | null> {
    const before = this.refused.get(entry.path);
    const index = before && before.bytes > bytesMax ? null : await this.read(entry);
    const bytes = index?.bytes ?? before?.bytes ?? 0;
    if (bytes <= bytesMax) return index;
    refused.set(entry.path, { entry, bytes });
    if (!before) this.onUnreadable(entry, new Error(`it takes ${bytes} bytes of memory, and there are ${bytesMax}`));
    return null;
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
