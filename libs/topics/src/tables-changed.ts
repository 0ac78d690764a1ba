/** What table-manager committed: batches up to `number`, or marts rebuilt from them. It only wakes readers: state is in the catalog. */
export interface TablesChanged {
  readonly lineId: string;
  /** Every batch up to this number is committed to every table of the catalog version. */
  readonly number: number;
  /** The first number of this commit (number + 1 of the commit before); equal to `number` + 1 when only marts changed. */
  readonly from: number;
  /** See catalog.ts. */
  readonly catalogVersion: number;
  /** Delta versions made by this commit, by table id (`clean.events`, `mart.shipments_daily`, …). */
  readonly tables: Readonly<Record<string, number>>;
  /** Mart partitions rebuilt, by table id: partition value → number it was built from. */
  readonly rebuilt?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly at: string;
}
