export const LOG_FOLDER = '_delta_log';
export const LAST_CHECKPOINT = `${LOG_FOLDER}/_last_checkpoint`;

const padded = (version: number): string => String(version).padStart(20, '0');

export const commitName = (version: number): string => `${LOG_FOLDER}/${padded(version)}.json`;
export const checkpointName = (version: number): string => `${LOG_FOLDER}/${padded(version)}.checkpoint.parquet`;
/** Every file of the log at or after `version` sorts after this. */
export const before = (version: number): string => `${LOG_FOLDER}/${padded(version).slice(0, -1)}`;

export type LogFile =
  | { readonly kind: 'commit'; readonly version: number }
  | { readonly kind: 'checkpoint'; readonly version: number; readonly part: number; readonly parts: number }
  /** A checkpoint named by UUID: the V2 form. */
  | { readonly kind: 'v2-checkpoint'; readonly version: number }
  | { readonly kind: 'other' };

/** What a name in the log folder stands for (PROTOCOL.md, "Delta Log Entries" and "Checkpoints"). */
export function parseLogName(name: string): LogFile {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const commit = /^(\d{20})\.json$/.exec(base);
  if (commit) return { kind: 'commit', version: Number(commit[1]) };
  const checkpoint = /^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$/.exec(base);
  if (checkpoint) {
    const [, version, part, parts] = checkpoint;
    return { kind: 'checkpoint', version: Number(version), part: Number(part ?? 1), parts: Number(parts ?? 1) };
  }
  const v2 = /^(\d{20})\.checkpoint\.[0-9a-f-]{36}\.(?:json|parquet)$/.exec(base);
  return v2 ? { kind: 'v2-checkpoint', version: Number(v2[1]) } : { kind: 'other' };
}
