import type { TableManagerEvents, TableManagerPorts, TableManagerSettings } from '../run/ports';
import { enforceRetention, type RetentionDeps } from './enforce-retention';
import { ExpiredFiles } from './expired-files';

/** Files looked into at once, of one table. */
const FILES_MAX = 64;
const REWRITE_BYTES_MAX = 1 << 30;

/** Rounds that delete what contracts no longer keep; without a store for it nothing is. */
export function retentionRounds(
  { retention, store, duck, clock, newId, failpoint }: TableManagerPorts,
  { retentionFilesMax = FILES_MAX }: TableManagerSettings,
  events: TableManagerEvents,
  deps: Pick<RetentionDeps, 'tables' | 'catalog' | 'contracts' | 'marts'>,
): (signal: AbortSignal) => Promise<boolean> {
  if (!retention) return async () => false;
  const now = (): number => clock.now();
  const expired = new ExpiredFiles({ duck, now, filesMax: retentionFilesMax, rewriteBytesMax: REWRITE_BYTES_MAX });
  const more = { onRemoved: events.onRemoved?.bind(events), now };
  return (signal) => enforceRetention({ ...deps, ...more, retention, expired, store, newId, failpoint }, signal);
}
