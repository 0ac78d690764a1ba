import { open, rm, stat } from 'node:fs/promises';
import { type DuckConnection, quoteLiteral } from '../duckdb';
import { StorageError } from '@millrace/storage';
import type { Action } from './actions';
import type { DeltaLog } from './delta-log';
import { checkpointName, LAST_CHECKPOINT } from './log-names';
import { fitsCheckpoint } from './protocol-support';
import { retentionOf } from './retention';
import type { Snapshot } from './snapshot';

const TEXT_MAP = 'MAP(VARCHAR, VARCHAR)';
/** Types of the checkpoint's columns (PROTOCOL.md, "Checkpoint Schema"); left to itself read_json would guess. */
const COLUMNS: Readonly<Record<string, string>> = {
  txn: 'STRUCT(appId VARCHAR, "version" BIGINT, lastUpdated BIGINT)',
  add:
    `STRUCT(path VARCHAR, partitionValues ${TEXT_MAP}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, ` +
    `stats VARCHAR, tags ${TEXT_MAP})`,
  remove:
    'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, ' +
    `partitionValues ${TEXT_MAP}, size BIGINT)`,
  metaData:
    `STRUCT(id VARCHAR, "name" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options ${TEXT_MAP}), ` +
    `schemaString VARCHAR, partitionColumns VARCHAR[], configuration ${TEXT_MAP}, createdTime BIGINT)`,
  domainMetadata: 'STRUCT("domain" VARCHAR, configuration VARCHAR, removed BOOLEAN)',
};
/** Lines written at a time: long enough to be quick, short enough not to hold up the event loop. */
const LINES_AT_ONCE = 500;
/** What read_json is told a line may take at least. It takes buffers of twice that for each thread. */
const LINE_BYTES_MIN = 1 << 20;

/**
 * Writes the checkpoint of a snapshot and points `_last_checkpoint` at it. Being there already counts as done. A table
 * whose files carry members that the checkpoint would lose gets none: returns false.
 */
export async function writeCheckpoint(
  log: DeltaLog,
  snapshot: Snapshot,
  duck: DuckConnection,
  now: number,
): Promise<boolean> {
  for (const file of snapshot.files.values()) if (!fitsCheckpoint(file)) return false;

  const staged = await log.storage.stage(log.path(checkpointName(snapshot.version)));
  const lines = `${staged.localPath}.json`;
  try {
    const { size, longest } = await writeLines(lines, actionsOf(snapshot, now));
    const { minReaderVersion, minWriterVersion } = snapshot.protocol;
    const protocol =
      'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER' +
      `${minReaderVersion >= 3 ? ', readerFeatures VARCHAR[]' : ''}${minWriterVersion >= 7 ? ', writerFeatures VARCHAR[]' : ''})`;
    const columns = Object.entries({ ...COLUMNS, protocol }).map(([name, type]) => `${name}: ${quoteLiteral(type)}`);
    await duck.query(
      `COPY (SELECT * FROM read_json(${quoteLiteral(lines)}, format = 'newline_delimited', ` +
        `maximum_object_size = ${Math.max(LINE_BYTES_MIN, 2 * longest)}, columns = {${columns.join(', ')}})) ` +
        `TO ${quoteLiteral(staged.localPath)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    const sizeInBytes = (await stat(staged.localPath)).size;
    await staged.publish().catch((error: unknown) => {
      // Another process wrote the checkpoint of this version: its content is the same.
      if (!(error instanceof StorageError && error.code === 'STORAGE_EXISTS')) throw error;
    });
    const newest = await log.lastCheckpoint();
    if (!newest || newest.version < snapshot.version) {
      const hint = { version: snapshot.version, size, sizeInBytes, numOfAddFiles: snapshot.files.size };
      await log.storage.put(log.path(LAST_CHECKPOINT), Buffer.from(JSON.stringify(hint)));
    }
    return true;
  } finally {
    await staged.discard();
    await rm(lines, { force: true });
  }
}

/** Every line says `dataChange: false`; removals that no reader or vacuum needs any more are left out. */
function* actionsOf(snapshot: Snapshot, now: number): Generator<Action> {
  yield { protocol: snapshot.protocol };
  yield { metaData: snapshot.metadata };
  for (const txn of snapshot.transactions.values()) yield { txn };
  for (const domainMetadata of snapshot.domains.values()) yield { domainMetadata };
  for (const file of snapshot.files.values()) yield { add: { ...file, dataChange: false } };
  const oldest = now - retentionOf(snapshot).deletedFilesMs;
  for (const removed of snapshot.tombstones.values()) {
    if ((removed.deletionTimestamp ?? 0) <= oldest) continue;
    const { path, deletionTimestamp, extendedFileMetadata, partitionValues, size } = removed;
    yield { remove: { path, deletionTimestamp, dataChange: false, extendedFileMetadata, partitionValues, size } };
  }
}

async function writeLines(file: string, actions: Iterable<Action>): Promise<{ size: number; longest: number }> {
  const handle = await open(file, 'wx');
  try {
    let size = 0;
    let longest = 0;
    let lines: string[] = [];
    const flush = async (): Promise<void> => {
      if (lines.length > 0) await handle.appendFile(`${lines.join('\n')}\n`);
      lines = [];
    };
    for (const action of actions) {
      const line = JSON.stringify(action);
      lines.push(line);
      size++;
      longest = Math.max(longest, Buffer.byteLength(line));
      if (lines.length >= LINES_AT_ONCE) await flush();
    }
    await flush();
    return { size, longest };
  } finally {
    await handle.close();
  }
}
