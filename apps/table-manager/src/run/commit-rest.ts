/**
 * A commit is followed by a rest of so many times its effort: the more the more rows it had. Files, and most of their
 * cost, come by partition and commit, so under load commits grow in place of getting more; small ones are soon visible.
 */
export const COMMIT_REST_SHARE_MIN = 1;
const COMMIT_REST_SHARE_MAX = 8;
/** Rows are to be seen soon all the same. */
export const COMMIT_REST_MS_MAX = 2_000;
/** Rows of a commit, over all tables, from which on the rest is the longest. */
const COMMIT_ROWS_LARGE = 40_000;

/** How many times its effort is rested after a commit. */
export function restAfter(
  { rows, batches }: { readonly rows: number; readonly batches: number },
  { commitBatchesMax, commitRowsMax }: { readonly commitBatchesMax: number; readonly commitRowsMax: number },
): number {
  // Commits that cannot grow any more are behind: then there is no time to rest.
  if (batches >= commitBatchesMax || rows > commitRowsMax / 2) return 0;
  return COMMIT_REST_SHARE_MIN + (COMMIT_REST_SHARE_MAX - COMMIT_REST_SHARE_MIN) * largeness(rows);
}

const largeness = (rows: number): number => Math.min(1, rows / COMMIT_ROWS_LARGE);

/**
 * Rebuilding and compacting take half of the time beside no commits, and the less the more effort commits are. Beside
 * large commits that is far less than beside small ones: a rebuild costs by all rows of its partitions, not by the new
 * ones among them, so under load it pays to rebuild them for more at once.
 */
const OTHERS_REST_SHARE_MIN = 1;
const OTHERS_REST_SHARE_BUSY = 8;
const OTHERS_REST_SHARE_LARGE = 64;

/**
 * How many times its effort other work than commits rests.
 *
 * @param share of the time that commits kept a processor busy, 0 to 1
 * @param rows of the last commit
 */
export const restBeside = (share: number, rows: number): number =>
  OTHERS_REST_SHARE_MIN +
  share * (OTHERS_REST_SHARE_BUSY + (OTHERS_REST_SHARE_LARGE - OTHERS_REST_SHARE_BUSY) * largeness(rows));
