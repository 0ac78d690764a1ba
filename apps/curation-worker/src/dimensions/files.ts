import type { Storage } from '@millrace/storage';
import { decodeHistory } from './history-file';
import type { VersionIndex } from './index-of-versions';
import type { DimensionEntry } from './model';

/** Bytes of histories that are kept in memory beside those that contracts ask for. */
const KEPT_BYTES_MAX = 256 << 20;
const BYTES_MAX = 2 ** 30;

/** Reads histories, each once for as long as it is kept: the last ones that were asked for. */
export class DimensionFiles {
  private readonly kept = new Map<string, Promise<VersionIndex>>();

  /** @param bytesMax memory that the histories which contracts ask for may take together, of all tenants */
  constructor(
    private readonly storage: Pick<Storage, 'get'>,
    readonly bytesMax = BYTES_MAX,
  ) {}

  async read({ path }: Pick<DimensionEntry, 'path'>): Promise<VersionIndex> {
    let reading = this.kept.get(path);
    if (!reading) {
      reading = this.storage.get(path).then(async (bytes) => (await decodeHistory(bytes)).index);
      // A failure is not remembered.
      reading.catch(() => this.kept.delete(path));
    }
    this.kept.delete(path);
    this.kept.set(path, reading);
    const index = await reading;
    await this.shrink();
    return index;
  }

  /** Forgets those that were not asked for the longest. */
  private async shrink(): Promise<void> {
    let bytes = 0;
    for (const [path, reading] of [...this.kept].reverse()) {
      bytes += (await reading.catch(() => null))?.bytes ?? 0;
      if (bytes > KEPT_BYTES_MAX) this.kept.delete(path);
    }
  }
}
