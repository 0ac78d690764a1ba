import { bytes, type ConfigOf, defineConfig, duration, integer, path, port, url } from '@millrace/service';

const DAY_MS = 86_400_000;

export const config = defineConfig({
  port: port({ env: ['PORT', 'CURATION_WORKER_PORT'], default: 8082, doc: 'Port to listen on.' }),
  databaseUrl: url({
    env: ['DATABASE_URL'],
    secret: true,
    doc: "Postgres: the log (schema log) and this service's own schema, curation_worker.",
  }),
  storageRoot: path({ env: ['STORAGE_ROOT'], doc: 'Folder of the lake.' }),
  databaseConnectionsMax: integer({
    env: ['DATABASE_CONNECTIONS_MAX'],
    default: 8,
    min: 4,
    max: 100,
    doc: 'Connections beside those of the log.',
  }),
  landingEventsMax: integer({
    env: ['LANDING_EVENTS_MAX'],
    default: 10_000,
    min: 1,
    max: 100_000,
    unit: 'events',
    doc: 'Events of one landing.',
  }),
  landingBytesMax: bytes({
    env: ['LANDING_BYTES_MAX'],
    default: 16 << 20,
    min: 1 << 20,
    max: 256 << 20,
    doc: 'Bytes of one landing, unless a single event is larger.',
  }),
  landingLinger: duration({
    env: ['LANDING_LINGER'],
    default: 300,
    min: 0,
    max: 60_000,
    doc: 'How long a smaller landing waits for more events.',
  }),
  landingsMax: integer({
    env: ['LANDINGS_MAX'],
    default: 3,
    min: 1,
    max: 16,
    unit: 'landings',
    doc: 'Landings under way at once, each of another partition.',
  }),
  deliveriesMax: integer({
    env: ['LANDING_DELIVERIES_MAX'],
    default: 4,
    min: 2,
    max: 64,
    unit: 'deliveries',
    doc: 'Deliveries in memory at once: those landing and those read ahead.',
  }),
  partitionLease: duration({
    env: ['PARTITION_LEASE'],
    default: 10_000,
    min: 500,
    max: 300_000,
    doc: 'A worker that is not heard of for longer loses its partitions to others.',
  }),
  heartbeatEvery: duration({
    env: ['WORKER_HEARTBEAT_EVERY'],
    default: 5_000,
    min: 100,
    max: 60_000,
    doc: 'How often a worker says that it lives.',
  }),
  workerSilenceMax: duration({
    env: ['WORKER_SILENCE_MAX'],
    default: 60_000,
    min: 1_000,
    max: 3_600_000,
    doc: 'A worker without a sign of life for longer is declared dead, and its unfinished files are deleted.',
  }),
  contractsEvery: duration({
    env: ['CONTRACTS_POLL_EVERY'],
    default: 30_000,
    min: 100,
    max: 3_600_000,
    doc: 'How often storage is asked for new contracts, should a message be lost.',
  }),
  stagedKeep: duration({
    env: ['STAGED_KEEP'],
    default: DAY_MS,
    min: 0,
    max: 90 * DAY_MS,
    doc: 'How long staged files are kept after they have been committed to the tables.',
  }),
  inboxKeep: duration({
    env: ['INBOX_KEEP'],
    default: 35 * DAY_MS,
    min: DAY_MS,
    max: 365 * DAY_MS,
    doc: 'How long messages without positions are remembered; more than their transport keeps them.',
  }),
  duckMemoryBytes: bytes({
    env: ['DUCKDB_MEMORY_MAX'],
    default: 512 << 20,
    min: 128 << 20,
    max: 256 * 2 ** 30,
    doc: 'Memory that DuckDB may use.',
  }),
  duckThreads: integer({
    env: ['DUCKDB_THREADS'],
    default: 1,
    min: 1,
    max: 128,
    unit: 'threads',
    doc: 'Threads that DuckDB may use beside those that call it; one costs least per event.',
  }),
  duckSpillBytesMax: bytes({
    env: ['DUCKDB_SPILL_MAX'],
    default: 2 * 2 ** 30,
    min: 0,
    max: 2 ** 40,
    doc: 'Disk that DuckDB may spill to.',
  }),
});

export type Config = ConfigOf<typeof config>;
