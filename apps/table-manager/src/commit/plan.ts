import type { BatchStaged, StagedFile } from '@millrace/topics';

export interface CommitLimits {
  /** Batches applied by one commit, at most. */
  readonly batchesMax: number;
  /** Rows applied by one commit, at most, unless a single batch has more. */
  readonly rowsMax: number;
}

/** What one commit applies: the batches of (from, to], by table. */
export interface CommitPlan {
  readonly lineId: string;
  /** The cursor must be here. */
  readonly from: number;
  readonly to: number;
  readonly batches: readonly BatchStaged[];
  /** Staged files by table id, in number order; a table without rows in the range is absent. */
  readonly tables: ReadonlyMap<string, readonly StagedFile[]>;
}

/** The line contradicts itself: two batches under one number, or another line. Nothing may be committed. */
export class LineContradiction extends Error {}

/**
 * The longest run of batches from the cursor on, without a gap and within the limits. Null while the next number has
 * not been announced.
 */
export function planCommit(
  lineId: string,
  cursor: number,
  announced: readonly BatchStaged[],
  limits: CommitLimits,
): CommitPlan | null {
  const batches: BatchStaged[] = [];
  const tables = new Map<string, StagedFile[]>();
  let rows = 0;
  for (const batch of announced) {
    if (batch.lineId !== lineId)
      throw new LineContradiction(`batch ${batch.number} belongs to line ${batch.lineId}, not to ${lineId}`);
    if (batch.number <= cursor + batches.length) continue;
    if (batch.number !== cursor + batches.length + 1) break;
    const clean = batch.files.filter((file) => file.kind === 'clean' && file.rows > 0);
    const more = clean.reduce((sum, file) => sum + file.rows, 0);
    if (batches.length > 0 && (batches.length >= limits.batchesMax || rows + more > limits.rowsMax)) break;
    for (const file of clean) {
      const files = tables.get(file.table);
      if (files) files.push(file);
      else tables.set(file.table, [file]);
    }
    rows += more;
    batches.push(batch);
  }
  if (batches.length === 0) return null;
  return { lineId, from: cursor, to: cursor + batches.length, batches, tables };
}
