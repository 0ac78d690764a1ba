import { TableExists } from '../errors';
import type { Action } from './actions';
import { type Committing, ENGINE_INFO, writeVersion } from './commit';
import { serializeCommit } from './actions';
import type { DeltaLog } from './delta-log';
import { type ColumnDefinition, serializeSchema, toFields } from './schema';

export interface CreateOptions {
  readonly schema: readonly ColumnDefinition[];
  readonly partitionBy?: readonly string[];
  /** Table properties, e.g. `delta.logRetentionDuration`. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly description?: string;
  /** A table that is there already is left as it is. Otherwise that is `TableExists`. */
  readonly ifNotExists?: boolean;
}

/** The log is kept as long as vacuum keeps files: an older version could not be read anyway. */
const DEFAULT_PROPERTIES = { 'delta.logRetentionDuration': 'interval 7 days' };

/** Commits version 0. Throws `SchemaMismatch` for columns that a Delta table cannot have. */
export async function createTable(
  log: DeltaLog,
  options: CreateOptions,
  { now: clock, newId, pause }: Committing,
): Promise<void> {
  const now = clock();
  const partitionBy = options.partitionBy ?? [];
  const fields = toFields(options.schema, partitionBy);
  const schemaString = serializeSchema(fields);
  const txnId = newId();
  const actions: Action[] = [
    {
      commitInfo: {
        timestamp: now,
        operation: 'CREATE TABLE',
        operationParameters: { partitionBy: JSON.stringify(partitionBy), isManaged: 'false' },
        isBlindAppend: true,
        engineInfo: ENGINE_INFO,
        txnId,
      },
    },
    { protocol: protocolFor(schemaString) },
    {
      metaData: {
        id: newId(),
        ...(options.name && { name: options.name }),
        ...(options.description && { description: options.description }),
        format: { provider: 'parquet', options: {} },
        schemaString,
        partitionColumns: partitionBy,
        configuration: { ...DEFAULT_PROPERTIES, ...options.properties },
        createdTime: now,
      },
    },
  ];
  const winner = await writeVersion(log, 0, serializeCommit(actions), txnId, pause);
  if (winner && !options.ifNotExists) throw new TableExists(log.root);
}

/** The oldest versions that allow what the columns need, so that every reader can read the table. */
function protocolFor(schemaString: string): { minReaderVersion: number; minWriterVersion: number } {
  if (!schemaString.includes('"timestamp_ntz"')) return { minReaderVersion: 1, minWriterVersion: 2 };
  const features = { readerFeatures: ['timestampNtz'], writerFeatures: ['timestampNtz', 'appendOnly', 'invariants'] };
  return { minReaderVersion: 3, minWriterVersion: 7, ...features };
}
