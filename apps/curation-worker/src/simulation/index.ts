/** What a simulation of this service is made of: its own logic, and models of what it keeps. */
export { MemoryLandingStore } from '../landing/memory/store';
export {
  type Fence,
  type Landing,
  LandingError,
  type LandingStore,
  type ManifestRow,
  type PositionMove,
} from '../landing/port';
export { landBatch, type LandBatch } from '../landing/land-batch';
export { LandedBefore } from '../claims/landed-before';
export { pruneMemoryClaims } from '../maintenance/memory-prune-claims';
export { MemoryUpkeep } from '../maintenance/memory-upkeep';
export type { UpkeepStore } from '../maintenance/upkeep';
export type { Announcement } from '../outbox/announcement';
export { confirmTables } from '../outbox/confirm-tables';
export { MemoryLandedOutbox } from '../outbox/memory-outbox';
export { lateOf, type OracleEvent, type OracleWindow, windowsOf } from '../windows/testing/window-oracle';
export type { RoundChanges, TimeStore } from '../windows/port';
export { MemoryTimeStore } from '../windows/memory/store';
export { createMemoryStager } from '../staging/memory/stager';
export type { Stager } from '../staging/stager';
export { MemoryReplayStore } from '../replay/memory-store';
export type { Job, ReplayStore } from '../replay/port';
export { REPLAY_LOG } from '../replay/stored-batch';
export { createCuration, type Curation, type CurationPorts, type CurationSettings } from '../worker/curation';
export type { KeyStore } from '../privacy/key-store';
export { MemoryKeyStore } from '../privacy/memory/key-store';
export { PostgresKeyStore } from '../privacy/postgres/key-store';
export { Opener } from '../privacy/opener';
export { Protections } from '../privacy/protection';
