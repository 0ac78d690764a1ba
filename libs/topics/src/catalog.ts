/**
 * The catalog: immutable numbered files in storage, `catalog/<version, 20 digits>.json`, written by table-manager
 * before `tables.changed` is sent. One file is a consistent snapshot over all tables: a reader that answers from one
 * file's Delta versions never mixes two states. The newest file is found by listing.
 */
export interface Catalog {
  readonly version: number;
  readonly lineId: string;
  /** Batches up to this number are in every clean table below. */
  readonly number: number;
  readonly at: string;
  readonly tables: Readonly<Record<string, CatalogTable>>;
}

export interface CatalogTable {
  /** Storage prefix of the Delta table, e.g. `clean/events`. */
  readonly root: string;
  /** Delta version. */
  readonly version: number;
  /** For marts: the number up to which every touched partition is rebuilt. */
  readonly builtTo?: number;
  /**
   * Retention has deleted, or is about to delete, rows of days up to this one, `YYYY-MM-DD`. Of a mart: of its sources;
   * partitions up to that day may stay as they were built, and be more than what the sources have now.
   */
  readonly expiredTo?: string;
}

export const catalogPath = (version: number): string => `catalog/${String(version).padStart(20, '0')}.json`;
export const CATALOG_PREFIX = 'catalog/';

/** Where a table's Delta log lives: `clean.events` → `clean/events`, `mart.x` → `curated/x`, `ops.fates` → `ops/fates`. */
export function tableRoot(table: string): string {
  const [zone, name] = table.split('.');
  return `${zone === 'mart' ? 'curated' : zone}/${name}`;
}
