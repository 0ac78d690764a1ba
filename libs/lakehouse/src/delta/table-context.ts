import type { Duck } from '../duckdb';
import type { CommitPlan, Committed } from './commit';
import type { DeltaLog } from './delta-log';
import type { Snapshot } from './snapshot';

/** What the operations on a table share. */
export interface TableContext {
  readonly log: DeltaLog;
  readonly duck: Duck;
  readonly now: () => number;
  readonly compression: 'zstd' | 'snappy';
  /** The newest version known here; may be behind. */
  latest(): Snapshot;
  refresh(): Promise<Snapshot>;
  /** `commit` of commit.ts; one at a time in this process, remembered as the newest version. */
  commit(read: Snapshot, plan: CommitPlan): Promise<Committed>;
}

/** Plans made anew after conflicts that leave the result right: beyond it the last conflict is thrown. */
export const PLANS_MAX = 20;
