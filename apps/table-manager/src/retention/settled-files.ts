import type { MartPartition } from '../commit/commit-store';
import type { ExpiredFile } from './port';

/** A partition of a mart, and whether what touched it is missing from it. Frozen ones miss nothing that is to come. */
export interface FreezeState extends MartPartition {
  readonly isStale: boolean;
}

const keyOf = ({ mart, partition }: MartPartition): string => `${mart}/${partition}`;

/** Which files have all of their rows in the marts that they are held back for, and which wait. */
export function settledFiles(
  files: readonly ExpiredFile[],
  states: readonly FreezeState[],
  holding: ReadonlySet<string>,
): { readonly files: readonly ExpiredFile[]; readonly waiting: readonly string[] } {
  const stale = new Set(states.flatMap((state) => (state.isStale && holding.has(state.mart) ? [keyOf(state)] : [])));
  const waits = ({ partitions }: ExpiredFile): boolean => partitions.some((each) => stale.has(keyOf(each)));
  return {
    files: files.filter((file) => !waits(file)),
    waiting: files.filter(waits).map(({ path }) => path),
  };
}

/** Each partition once. */
export const partitionsIn = (files: readonly ExpiredFile[]): MartPartition[] => [
  ...new Map(files.flatMap(({ partitions }) => partitions.map((each) => [keyOf(each), each] as const))).values(),
];

/** Rows by dataset. */
export function rowsIn(files: readonly ExpiredFile[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { rows } of files)
    for (const [dataset, n] of Object.entries(rows)) total[dataset] = (total[dataset] ?? 0) + n;
  return total;
}
