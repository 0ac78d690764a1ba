import { bytes, type ConfigOf, defineConfig, duration, integer, path, port, url } from '@millrace/service';

export const config = defineConfig({
  port: port({ env: ['PORT', 'ANALYTICS_API_PORT'], default: 8084, doc: 'Port to listen on.' }),
  databaseUrl: url({
    env: ['DATABASE_URL'],
    secret: true,
    schemes: ['postgres:', 'postgresql:'],
    example: 'postgresql://millrace_analytics_api@127.0.0.1:5432/millrace',
    doc: 'Postgres: the log (schema log) and the read models (schema analytics_api).',
  }),
  storageRoot: path({
    env: ['STORAGE_ROOT'],
    example: '/var/lib/millrace/lake',
    doc: 'Folder of the lake; only read.',
  }),
  databaseConnectionsMax: integer({
    env: ['DATABASE_CONNECTIONS_MAX'],
    default: 8,
    min: 2,
    max: 100,
    doc: 'Connections beside those of the log.',
  }),
  waitMax: duration({
    env: ['ANALYTICS_WAIT_MAX'],
    default: 5_000,
    min: 0,
    max: 60_000,
    doc: 'How long an answer may wait for what was acknowledged before the question.',
  }),
  catalogPoll: duration({
    env: ['ANALYTICS_CATALOG_POLL'],
    default: 1_000,
    min: 50,
    max: 60_000,
    doc: 'How often the catalog is looked at when no message says that it changed.',
  }),
  queryMsMax: duration({
    env: ['ANALYTICS_QUERY_MAX'],
    default: 30_000,
    min: 100,
    max: 600_000,
    doc: 'A query that takes longer is cancelled.',
  }),
  masterKeyFile: path({
    env: ['MASTER_KEY_FILE'],
    optional: true,
    doc: 'File of the master keys. With it a trace finds events that wait encrypted for their curation; without it, it says that this is not known. Nothing of such events is shown.',
  }),
  duckMemoryBytes: bytes({
    env: ['DUCKDB_MEMORY_MAX'],
    default: 1 << 30,
    min: 128 << 20,
    max: 256 * 2 ** 30,
    doc: 'Memory that DuckDB may use.',
  }),
  duckThreads: integer({
    env: ['DUCKDB_THREADS'],
    default: 2,
    min: 1,
    max: 128,
    unit: 'threads',
    doc: 'Threads that DuckDB may use.',
  }),
  duckSpillBytesMax: bytes({
    env: ['DUCKDB_SPILL_MAX'],
    default: 4 * 2 ** 30,
    min: 0,
    max: 2 ** 40,
    doc: 'Disk that DuckDB may spill to.',
  }),
});

export type Config = ConfigOf<typeof config>;
