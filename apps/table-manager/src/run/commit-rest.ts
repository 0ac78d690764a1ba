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
  const large = Math.min(1, rows / COMMIT_ROWS_LARGE);
  return COMMIT_REST_SHARE_MIN + (COMMIT_REST_SHARE_MAX - COMMIT_REST_SHARE_MIN) * large;
}
