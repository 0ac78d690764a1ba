import type { Duck } from '../duckdb';
import type { CommitPlan, Committed, Committing } from './commit';
import type { DeltaLog } from './delta-log';
import type { RowEngine } from './row-engine';
import type { Snapshot } from './snapshot';

/** Of data files. */
export type Compression = 'zstd' | 'snappy';

/** What the operations on a table share. */
export interface TableContext extends Committing {
  readonly log: DeltaLog;
  /** Of checkpoints, and of those who ask for SQL. */
  readonly duck: Duck;
  readonly rows: RowEngine;
  readonly compression: Compression;
  /** The newest version known here; may be behind. */
  latest(): Snapshot;
  refresh(): Promise<Snapshot>;
  /** `commit` of commit.ts; one at a time in this process, remembered as the newest version. */
  commit(read: Snapshot, plan: CommitPlan): Promise<Committed>;
}

/** Plans made anew after conflicts that leave the result right: beyond it the last conflict is thrown. */
export const PLANS_MAX = 20;
