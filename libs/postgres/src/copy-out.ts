import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { PostgresError } from './errors';

/** The fields of one row in their binary send format, or null. */
export type CopyRow = (Buffer | null)[];

/** https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS, "Binary Format" */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HAS_OIDS = 1 << 16;

/**
 * Reads the rows of `COPY (<query>) TO STDOUT (FORMAT binary)`: bytes come as they are, without the hex text and the
 * UTF-8 round trip of ordinary rows (0.13 CPU-s per 100k events against 0.85). `pg`'s own `binary: true` corrupts them.
 *
 * COPY takes no parameters: quote values with `quoteLiteral`. All rows are held at once, so the query must bound its
 * bytes. Fields are views of one buffer: keeping one keeps all.
 */
export async function readCopyBinary(client: ClientBase, query: string): Promise<CopyRow[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`)))
    chunks.push(chunk as Buffer);
  return parseCopyBinary(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
}

/** Throws `POSTGRES_BAD_VALUE` when `bytes` are not one whole binary COPY file. */
export function parseCopyBinary(bytes: Buffer): CopyRow[] {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof PostgresError) throw error;
    throw torn('it ends too early', error);
  }
}

function parse(bytes: Buffer): CopyRow[] {
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw torn('it has no signature');
  if (bytes.readUInt32BE(SIGNATURE.length) & HAS_OIDS) throw torn('it carries OIDs');
  let at = SIGNATURE.length + 8 + bytes.readUInt32BE(SIGNATURE.length + 4);
  const rows: CopyRow[] = [];
  for (;;) {
    const fields = bytes.readInt16BE(at);
    at += 2;
    if (fields === -1) return rows;
    if (fields < 0) throw torn(`a row has ${fields} fields`);
    const row: CopyRow = new Array(fields);
    for (let i = 0; i < fields; i++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length === -1) row[i] = null;
      else {
        if (length < 0 || at + length > bytes.length) throw torn('a field is longer than the file');
        row[i] = bytes.subarray(at, (at += length));
      }
    }
    rows.push(row);
  }
}

const torn = (why: string, cause?: unknown): PostgresError =>
  new PostgresError('POSTGRES_BAD_VALUE', `not a binary COPY file: ${why}`, { cause });
