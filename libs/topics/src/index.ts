/**
 * What the services say to each other: topic names, groups and message shapes. Messages are JSON, one record each,
 * and are validated by the reader: an unknown field is ignored, a missing one is an error.
 */
export * from './audit';
export * from './batches-staged';
export * from './events-quarantined';
export * from './event-profile';
export * from './tables-changed';
export * from './contracts-changed';
export * from './keys-changed';
export * from './work';
export * from './erasure';
export * from './keys-used';
export * from './catalog';
export * from './record-headers';
export * from './lake-tables';
export * from './kpi-windows';
export * from './quality-alarms';

/** Topics and their partitions. `events.inbound` carries raw items (see record-headers), the others JSON. */
export const TOPICS = {
  eventsInbound: { name: 'events.inbound', partitions: 4 },
  batchesStaged: { name: 'batches.staged', partitions: 1 },
  tablesChanged: { name: 'tables.changed', partitions: 1 },
  contractsChanged: { name: 'contracts.changed', partitions: 1 },
  kpiWindows: { name: 'kpi.windows', partitions: 1 },
  audit: { name: 'audit', partitions: 1 },
  /** For outsiders: no service reads it. */
  eventsQuarantined: { name: 'events.quarantined', partitions: 1 },
  /** For outsiders: no service reads it. */
  qualityAlarms: { name: 'quality.alarms', partitions: 1 },
  keysChanged: { name: 'keys.changed', partitions: 1 },
  keysUsed: { name: 'keys.used', partitions: 1 },
  workRequested: { name: 'work.requested', partitions: 1 },
  workResults: { name: 'work.results', partitions: 1 },
  erasureRequested: { name: 'erasure.requested', partitions: 1 },
  erasureResults: { name: 'erasure.results', partitions: 1 },
} as const;

/** Consumer groups that are registered when the log is created, so that nothing is trimmed before they have read it. */
export const GROUPS = {
  curation: { topic: 'events.inbound', group: 'curation' },
  conservation: { topic: 'events.inbound', group: 'conservation' },
  tableManager: { topic: 'batches.staged', group: 'table-manager' },
  analyticsBatches: { topic: 'batches.staged', group: 'analytics' },
  analyticsTables: { topic: 'tables.changed', group: 'analytics' },
  curationTables: { topic: 'tables.changed', group: 'curation' },
  gatewayKeyUses: { topic: 'keys.used', group: 'ingest-gateway' },
  curationWork: { topic: 'work.requested', group: 'curation' },
  tableManagerErasures: { topic: 'erasure.requested', group: 'table-manager' },
  curationErasures: { topic: 'erasure.results', group: 'curation' },
  tableManagerWork: { topic: 'work.results', group: 'table-manager' },
  analyticsAudit: { topic: 'audit', group: 'analytics' },
} as const;
