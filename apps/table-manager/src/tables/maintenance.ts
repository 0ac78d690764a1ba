import type { AddFile, DeltaTable } from '@millrace/lakehouse';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import type { Catalog } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import { sizeClasses, tidying } from './compaction-plan';
import type { TablePool } from './table-pool';
import { isMart } from './table-specs';

export interface Vacuumed {
  readonly files: number;
  readonly bytes: number;
}

export interface VacuumRun {
  readonly beganAt: Date;
  /** Only what was unused before this time is deleted. */
  readonly horizon: Date;
}

/** When tables were vacuumed, whichever process did it. */
export interface VacuumRecord {
  lastRun(table: string): Promise<VacuumRun | null>;
  began(table: string, run: VacuumRun): Promise<void>;
  done(table: string, result: Vacuumed): Promise<void>;
}

export interface MaintenanceDeps {
  readonly tables: TablePool;
  readonly storage: Storage;
  readonly record: VacuumRecord;
  readonly catalog: () => Catalog | null;
  /** Small files of about one size in a partition before they are rewritten as one. */
  readonly filesMin: number;
  readonly targetFileBytes: number;
  readonly vacuumEveryMs: number;
  readonly now: () => number;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Names what was compacted in the catalog. */
  readonly publish: () => Promise<void>;
  readonly onCompacted: (table: string, files: number) => void;
  readonly onVacuumed: (table: string, result: Vacuumed) => void;
}

const DAY_MS = 86_400_000;
const KEEP_MS = 7 * DAY_MS;

/**
 * Seven days ago, and at most a day after the last horizon: a clock that jumps ahead by a year moves it by a day, not to
 * where the files of a commit under way look old.
 */
export function horizonMs(nowMs: number, lastMs: number | null): number {
  const keep = nowMs - KEEP_MS;
  return lastMs === null ? keep : Math.min(keep, lastMs + DAY_MS);
}

/** Rewriting takes room before it gives any back. */
const FREE_SHARE_MIN = 0.05;

/**
 * Work that keeps tables fast and small, beside the commits: rewrites the small files of partitions that have many,
 * and now and then deletes files that no retained version names. Compaction changes no rows; commits go on meanwhile.
 *
 * Marts are left out of compaction: rebuilding a partition leaves it with one file.
 */
export class Maintenance {
  constructor(private readonly deps: MaintenanceDeps) {}

  /** One look at every table. Rejects with the first failure, after trying the other tables. */
  async round(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    for (const id of Object.keys(this.deps.catalog()?.tables ?? {})) {
      if (signal.aborted) return;
      try {
        const table = await this.deps.tables.find(id);
        if (!table) continue;
        if (!isMart(id)) await this.compact(id, table, signal);
        await this.vacuum(id, table, signal);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Files of one size at a time, so that a large file is not written again for each handful of small ones. */
  private async compact(id: string, table: DeltaTable, signal: AbortSignal): Promise<void> {
    if (await this.isDiskShort()) return;
    const { targetFileBytes, filesMin, now } = this.deps;
    const run = async (filter: (file: AddFile) => boolean, atLeast: number): Promise<void> => {
      if (signal.aborted) return;
      const { filesRemoved } = await table.optimize({ filesMin: atLeast, filter, signal });
      if (filesRemoved === 0) return;
      this.deps.onCompacted(id, filesRemoved);
      await this.deps.failpoint('compacted');
    };
    for (const { from, to } of sizeClasses(targetFileBytes))
      await run(({ size }) => size >= from && size < to, filesMin);
    const cold = tidying(table.snapshot.files.values(), now());
    if (cold) await run(cold, 2);
    await this.deps.publish();
  }

  private async vacuum(id: string, table: DeltaTable, signal: AbortSignal): Promise<void> {
    const { record, now, vacuumEveryMs, catalog } = this.deps;
    // Readers may be at the version that the catalog names for as long as it names it: what that one needs must stay.
    if (table.version > (catalog()?.tables[id].version ?? -1)) return;
    const last = await record.lastRun(id);
    const beganAt = new Date(now());
    if (last && beganAt.getTime() - last.beganAt.getTime() < vacuumEveryMs) return;
    const horizon = new Date(horizonMs(beganAt.getTime(), last?.horizon.getTime() ?? null));
    await record.began(id, { beganAt, horizon });
    await this.deps.failpoint('vacuum-recorded');
    // Where no run went before there is no horizon yet that a clock could not have invented.
    if (!last) return;
    const { files, bytes } = await table.vacuum({ signal, retentionMs: beganAt.getTime() - horizon.getTime() });
    await this.deps.failpoint('vacuumed');
    await record.done(id, { files, bytes });
    if (files > 0) this.deps.onVacuumed(id, { files, bytes });
  }

  private async isDiskShort(): Promise<boolean> {
    const space = await this.deps.storage.freeBytes();
    return space !== null && space.free < space.total * FREE_SHARE_MIN;
  }
}

/** Names what compaction made, so that readers leave the small files behind. */
export async function publishRearranged(catalog: CatalogWriter, tables: TablePool): Promise<void> {
  const { current } = catalog;
  if (!current) return;
  const rearranged = await tables.rearranged(current);
  if (rearranged.size === 0) return;
  const versions = Object.fromEntries([...rearranged].map(([id, snapshot]) => [id, snapshot.version]));
  await catalog.publish({ lineId: current.lineId, number: current.number, tables: versions });
  for (const [id, snapshot] of rearranged) tables.publish(id, snapshot);
}
