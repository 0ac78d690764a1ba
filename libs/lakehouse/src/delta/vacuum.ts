import { fromLogPath } from './data-paths';
import { assertWritable } from './protocol-support';
import { retentionOf } from './retention';
import type { TableContext } from './table-context';

export interface VacuumOptions {
  /** Age from which unused files are deleted; default the table's own retention, 7 days unless set. */
  readonly retentionMs?: number;
  /** Allows a retention under 7 days, which can break readers of old versions and writers at work. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface VacuumResult {
  readonly files: number;
  readonly bytes: number;
  /** The first paths, below the table's root. */
  readonly sample: readonly string[];
}

const RETENTION_MS_MIN = 7 * 86_400_000;
const SAMPLE_MAX = 20;

/**
 * Deletes data files that no version within the retention needs: those removed longer ago, and those that a crash left
 * before any commit named them. Versions older than the retention cannot be read afterwards.
 */
export async function vacuum(context: TableContext, options: VacuumOptions): Promise<VacuumResult> {
  const snapshot = await context.refresh();
  assertWritable(snapshot, { removesRows: false });
  const retentionMs = options.retentionMs ?? retentionOf(snapshot).deletedFilesMs;
  if (retentionMs < RETENTION_MS_MIN && !options.force) {
    throw new Error('a retention under 7 days can break readers and writers at work; force allows it');
  }
  const oldest = context.now() - retentionMs;
  const kept = new Set<string>();
  for (const file of snapshot.files.values()) kept.add(fromLogPath(file.path));
  for (const removed of snapshot.tombstones.values()) {
    if ((removed.deletionTimestamp ?? 0) >= oldest) kept.add(fromLogPath(removed.path));
  }

  const root = context.log.path('');
  const found = { files: 0, bytes: 0, sample: [] as string[] };
  for await (const object of context.log.storage.list(root)) {
    if (options.signal?.aborted) break;
    const below = object.path.slice(root.length);
    // Young files may belong to a commit that is being made.
    if (isHidden(below) || kept.has(below) || object.modifiedAt.getTime() >= oldest) continue;
    if (!options.dryRun) await context.log.storage.delete(object.path);
    found.files++;
    found.bytes += object.bytes;
    if (found.sample.length < SAMPLE_MAX) found.sample.push(below);
  }
  return found;
}

/** The log, and what others keep beside the data. A partition folder may begin with an underscore: it has a `=`. */
const isHidden = (path: string): boolean => path.split('/').some((s) => /^[_.]/.test(s) && !s.includes('='));
