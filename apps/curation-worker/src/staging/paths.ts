import { createHash } from 'node:crypto';

/** Raw parts of items whose event type cannot be read. */
export const UNREADABLE_TYPE = '_unreadable';
/** Raw part that the rarer event types of a batch share once it has too many. */
export const OTHER_TYPES = '_other';

/** Bytes of a folder's name: file systems and the storage port allow 255, and `event_type=` is among them. */
const TYPE_CHARS_MAX = 200;

/** `raw/event_type=…/ingest_date=…/part-<batch>-<epoch>.jsonl.gz` */
export function rawPartPath(eventType: string, date: string, batchId: number, epoch: number): string {
  return `${rawFolder(eventType, date)}part-${batchId}-${epoch}.jsonl.gz`;
}

export const RAW_PREFIX = 'raw/event_type=';

export const rawFolder = (eventType: string, date: string): string =>
  `${RAW_PREFIX}${folderName(eventType)}/ingest_date=${date}/`;

/** `staged/<table>/b<batch>-<epoch>.parquet` */
export const stagedPath = (table: string, batchId: number, epoch: number): string =>
  `${STAGED_PREFIX}${table}/b${batchId}-${epoch}.parquet`;

export const STAGED_PREFIX = 'staged/';

const FILE_NAME = /\/(?:part-|b)(\d+)-(\d+)\.(?:jsonl\.gz|parquet)$/;

/** Batch and epoch of a file that a landing wrote; null for any other path. */
export function writerOf(path: string): { batchId: number; epoch: number } | null {
  const match = FILE_NAME.exec(path);
  return match ? { batchId: Number(match[1]), epoch: Number(match[2]) } : null;
}

/**
 * An event type as a folder's name: everything but letters, digits, `.`, `_` and `-` is percent-encoded, as Hive writes
 * partition values; what would be too long keeps its beginning and gets a hash.
 */
function folderName(eventType: string): string {
  const encoded = encodeURIComponent(eventType.replace(/[\ud800-\udfff]/gu, '\ufffd')).replace(
    /[!'()*~]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (encoded.length <= TYPE_CHARS_MAX) return encoded;
  const hash = createHash('sha256').update(eventType).digest('hex').slice(0, 16);
  return `${encoded.slice(0, TYPE_CHARS_MAX - 17).replace(/%[0-9A-F]?$/, '')}-${hash}`;
}
