import { UnsupportedTable } from '../errors';
import type { AddFile } from './actions';
import type { Field } from './schema';
import type { Snapshot } from './snapshot';

/**
 * Reader features that ask nothing of a reader here, or nothing until they are used; use is looked for in the snapshot
 * (PROTOCOL.md, "Valid Feature Names in Table Features").
 */
const READER_FEATURES = new Set([
  'timestampNtz',
  'vacuumProtocolCheck',
  'columnMapping',
  'deletionVectors',
  // A V2 checkpoint is refused where it is met; the log without one reads as ever.
  'v2Checkpoint',
]);

const WRITER_FEATURES = new Set([
  'appendOnly',
  'invariants',
  'timestampNtz',
  'vacuumProtocolCheck',
  'columnMapping',
  'deletionVectors',
]);

/** Throws `UnsupportedTable`, naming the feature, when the snapshot cannot be read rightly. */
export function assertReadable(snapshot: Snapshot): Snapshot {
  if (!snapshot.isComplete) throw new UnsupportedTable('a log without protocol or metadata');
  const { minReaderVersion, readerFeatures } = snapshot.protocol;
  if (minReaderVersion > 3) throw new UnsupportedTable(`reader version ${minReaderVersion}`);
  if (minReaderVersion === 3) {
    for (const feature of readerFeatures ?? []) {
      if (!READER_FEATURES.has(feature)) throw new UnsupportedTable(`reader feature ${feature}`);
    }
  }
  const mapping = snapshot.properties['delta.columnMapping.mode'];
  if (mapping && mapping !== 'none') throw new UnsupportedTable(`column mapping by ${mapping}`);
  if (snapshot.metadata.format.provider !== 'parquet') {
    throw new UnsupportedTable(`data format ${snapshot.metadata.format.provider}`);
  }
  if (mayHoldDeletionVectors(snapshot)) {
    for (const file of snapshot.files.values()) {
      if (file.deletionVector) throw new UnsupportedTable('deletion vectors');
    }
  }
  return snapshot;
}

const mayHoldDeletionVectors = (snapshot: Snapshot): boolean =>
  snapshot.protocol.minReaderVersion >= 3 && (snapshot.protocol.readerFeatures?.includes('deletionVectors') ?? false);

/** Throws `UnsupportedTable` when a commit of ours could break what the table promises. */
export function assertWritable(snapshot: Snapshot, intent: { readonly removesRows: boolean }): void {
  const { minWriterVersion, writerFeatures } = snapshot.protocol;
  if (minWriterVersion > 7) throw new UnsupportedTable(`writer version ${minWriterVersion}`);
  if (minWriterVersion === 7) {
    for (const feature of writerFeatures ?? []) {
      if (!WRITER_FEATURES.has(feature)) throw new UnsupportedTable(`writer feature ${feature}`);
    }
  }
  for (const name of Object.keys(snapshot.properties)) {
    if (name.startsWith('delta.constraints.')) throw new UnsupportedTable('check constraints');
  }
  if (snapshot.properties['delta.enableChangeDataFeed'] === 'true') throw new UnsupportedTable('change data feed');
  for (const field of snapshot.fields) assertPlain(field);
  if (intent.removesRows && snapshot.properties['delta.appendOnly'] === 'true') {
    throw new UnsupportedTable('removing rows from an append-only table');
  }
}

function assertPlain(field: Field): void {
  for (const key of Object.keys(field.metadata)) {
    if (key === 'delta.invariants') throw new UnsupportedTable('column invariants');
    if (key === 'delta.generationExpression') throw new UnsupportedTable('generated columns');
    if (key.startsWith('delta.identity.')) throw new UnsupportedTable('identity columns');
  }
  if (typeof field.type !== 'string' && field.type.type === 'struct') field.type.fields.forEach(assertPlain);
}

/** Members of `add` that a checkpoint of ours keeps. */
const ADD_MEMBERS = new Set(['path', 'partitionValues', 'size', 'modificationTime', 'dataChange', 'stats', 'tags']);

/** Whether a checkpoint of ours would hold all that the log says of a file. */
export const fitsCheckpoint = (file: AddFile): boolean =>
  Object.entries(file).every(([name, value]) => ADD_MEMBERS.has(name) || value == null);
