/** What a simulation of this service is made of: its own logic, and models of what it keeps. */
export { MemoryCommitStore } from '../commit/memory/store';
export type { CommitStore } from '../commit/commit-store';
export type { LeaderLock, LeaderSession } from '../run/leader-lock';
export { Leadership } from '../run/leadership';
export {
  createTableManager,
  type TableManager,
  type TableManagerPorts,
  type TableManagerSettings,
} from '../run/table-manager';
export type { VacuumRecord, VacuumRun } from '../tables/maintenance';
export type { RowQuestions, TableAt } from '../tables/row-questions';
