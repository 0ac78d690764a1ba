import { bytes, type ConfigOf, defineConfig, duration, integer, path, port, url } from '@millrace/service';

export const config = defineConfig({
  port: port({ env: ['PORT', 'TABLE_MANAGER_PORT'], default: 8083, doc: 'Port to listen on.' }),
  databaseUrl: url({ env: ['DATABASE_URL'], secret: true, doc: 'Postgres: the log (schema log) and this service\'s own schema, table_manager.' }),
  storageRoot: path({ env: ['STORAGE_ROOT'], doc: 'Folder of the lake.' }),
  databaseConnectionsMax: integer({ env: ['DATABASE_CONNECTIONS_MAX'], default: 5, min: 2, max: 100, doc: 'Connections beside those of the log.' }),
  commitEvery: duration({ env: ['TABLES_COMMIT_EVERY'], default: 250, min: 10, max: 60_000, doc: 'Least time between two commits; batches that land in between are committed together.' }),
  commitBatchesMax: integer({ env: ['TABLES_COMMIT_BATCHES_MAX'], default: 64, min: 1, max: 1_000, unit: 'batches', doc: 'Batches in one commit.' }),
  commitRowsMax: integer({ env: ['TABLES_COMMIT_ROWS_MAX'], default: 500_000, min: 1, max: 50_000_000, unit: 'rows', doc: 'Rows in one commit, unless a single batch has more.' }),
  martsEvery: duration({ env: ['MARTS_REBUILD_EVERY'], default: 1_000, min: 10, max: 3_600_000, doc: 'Least time between two rebuilds of what became stale.' }),
  martPartitionsMax: integer({ env: ['MARTS_REBUILD_PARTITIONS_MAX'], default: 200, min: 1, max: 10_000, unit: 'partitions', doc: 'Partitions rebuilt at once.' }),
  compactEvery: duration({ env: ['TABLES_COMPACT_EVERY'], default: 15_000, min: 1_000, max: 86_400_000, doc: 'How often small files are looked for.' }),
  compactFilesMin: integer({ env: ['TABLES_COMPACT_FILES_MIN'], default: 8, min: 2, max: 10_000, unit: 'files', doc: 'Small files in a partition before they are rewritten as one.' }),
  targetFileBytes: bytes({ env: ['TABLES_FILE_BYTES_TARGET'], default: 128 << 20, min: 1 << 20, max: 2 * 2 ** 30, doc: 'Size that compaction aims at.' }),
  vacuumEvery: duration({ env: ['TABLES_VACUUM_EVERY'], default: 6 * 3_600_000, min: 60_000, max: 30 * 86_400_000, doc: 'How often files that no retained version names are deleted.' }),
  duckMemoryBytes: bytes({ env: ['DUCKDB_MEMORY_MAX'], default: 1 << 30, min: 128 << 20, max: 256 * 2 ** 30, doc: 'Memory that DuckDB may use.' }),
  duckThreads: integer({ env: ['DUCKDB_THREADS'], default: 2, min: 1, max: 128, unit: 'threads', doc: 'Threads that DuckDB may use.' }),
  duckSpillBytesMax: bytes({ env: ['DUCKDB_SPILL_MAX'], default: 8 * 2 ** 30, min: 0, max: 2 ** 40, doc: 'Disk that DuckDB may spill to.' }),
});

export type Config = ConfigOf<typeof config>;
