import { CommitOutcomeUnknown } from '../errors';
import { type Action, type AddFile, removalOf } from './actions';
import type { Written } from './data-writer';
import { assertWritable } from './protocol-support';
import { fitsCheckpoint } from './protocol-support';
import type { TableContext } from './table-context';
import { quietly, targetOf } from './write';

export interface OptimizeOptions {
  /** Size that files are packed to. Default 128 MiB. */
  readonly targetFileBytes?: number;
  /** Files that must come together for a rewrite to be worth it. Default 2. */
  readonly filesMin?: number;
  /** Which files may be rewritten, e.g. those of some partitions. */
  readonly filter?: (file: AddFile) => boolean;
  /** Bytes read at most in one run. Default 4 GiB. */
  readonly rewriteBytesMax?: number;
  /** Ends the run after what is committed. */
  readonly signal?: AbortSignal;
}

export interface OptimizeResult {
  readonly version: number;
  readonly filesRemoved: number;
  readonly filesAdded: number;
  /** Groups of files given up because another commit had changed them. */
  readonly conflicts: number;
}

/** Larger files are left alone: rewriting them gains little. */
const FULL_ENOUGH = 0.75;
/** A commit covers bins of at most this many bytes, so that a conflict or a crash costs no more work than that. */
const COMMIT_BYTES_MAX = 256 << 20;
const COMMIT_BINS_MAX = 64;

/**
 * Packs small files of a partition into larger ones. Rows stay the same (`dataChange` is false), so readers and appends
 * go on undisturbed; a group whose files another commit removed meanwhile is given up.
 */
export async function optimize(context: TableContext, options: OptimizeOptions): Promise<OptimizeResult> {
  let snapshot = await context.refresh();
  assertWritable(snapshot, { removesRows: false });
  const total = { filesRemoved: 0, filesAdded: 0, conflicts: 0 };
  for (const bins of groups(planBins([...snapshot.files.values()], snapshot.partitionColumns, options))) {
    if (options.signal?.aborted) break;
    const now = context.now();
    const written: Written[] = [];
    const actions: Action[] = [];
    try {
      for (const bin of bins) {
        const rewritten = await rewrite(context, bin, now);
        written.push(rewritten);
        actions.push(...bin.map((file) => removalOf(file, now, false)), ...rewritten.adds.map((add) => ({ add })));
      }
      const removed = bins.flat().length;
      const added = written.reduce((n, w) => n + w.adds.length, 0);
      const committed = await context.commit(snapshot, {
        actions,
        depends: { rows: null },
        operation: 'OPTIMIZE',
        parameters: { predicate: '[]', zOrderBy: '[]' },
        metrics: { numRemovedFiles: removed, numAddedFiles: added },
      });
      snapshot = committed.snapshot;
      if (committed.outcome === 'committed') {
        total.filesRemoved += removed;
        total.filesAdded += added;
        continue;
      }
      total.conflicts += bins.length;
      await Promise.all(written.map(quietly));
      if (committed.outcome === 'conflict' && committed.error.changed === 'definition') break;
    } catch (error) {
      if (!(error instanceof CommitOutcomeUnknown)) await Promise.all(written.map(quietly));
      throw error;
    }
  }
  return { version: snapshot.version, ...total };

  async function rewrite(context: TableContext, bin: readonly AddFile[], now: number): Promise<Written> {
    const { partitionValues: partition } = bin[0];
    return context.rows.use(async (rows) => {
      const source = await rows.scan(context.log, snapshot, { files: bin });
      const target = targetOf(context, snapshot, snapshot.fields, now);
      return rows.write(context.log, source, target, { dataChange: false, partition, newId: context.newId });
    });
  }
}

/** First-fit in order of age, within each partition: neighbours in time stay neighbours, which keeps statistics narrow. */
export function planBins(
  files: readonly AddFile[],
  partitionColumns: readonly string[],
  options: Pick<OptimizeOptions, 'targetFileBytes' | 'filesMin' | 'filter' | 'rewriteBytesMax'>,
): AddFile[][] {
  const target = options.targetFileBytes ?? 128 << 20;
  const filesMin = Math.max(2, options.filesMin ?? 2);
  const partitions = new Map<string, AddFile[]>();
  for (const file of files) {
    if (file.size >= target * FULL_ENOUGH || !(options.filter?.(file) ?? true) || !fitsCheckpoint(file)) continue;
    const key = JSON.stringify(partitionColumns.map((name) => file.partitionValues[name] ?? null));
    const group = partitions.get(key);
    if (group) group.push(file);
    else partitions.set(key, [file]);
  }
  const bins: AddFile[][] = [];
  let budget = options.rewriteBytesMax ?? 4 * 2 ** 30;
  for (const group of partitions.values()) {
    group.sort((a, b) => a.modificationTime - b.modificationTime || (a.path < b.path ? -1 : 1));
    let bin: AddFile[] = [];
    let bytes = 0;
    const close = (): void => {
      if (bin.length >= filesMin && bytes <= budget) {
        bins.push(bin);
        budget -= bytes;
      }
      bin = [];
      bytes = 0;
    };
    for (const file of group) {
      if (bytes + file.size > target) close();
      bin.push(file);
      bytes += file.size;
    }
    close();
  }
  return bins;
}

function* groups(bins: readonly AddFile[][]): Generator<AddFile[][]> {
  let group: AddFile[][] = [];
  let bytes = 0;
  for (const bin of bins) {
    group.push(bin);
    bytes += bin.reduce((sum, file) => sum + file.size, 0);
    if (bytes < COMMIT_BYTES_MAX && group.length < COMMIT_BINS_MAX) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}
