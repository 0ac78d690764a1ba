import { type CopyRow, readCopyBinary } from '@millrace/postgres';
import { decodeFrame } from '../codec';
import type { BatchHeader } from '../port';
import type { ReadLimits, ReadResult, StoredBatch } from '../subscription/source';
import type { Sessions } from './session';

/** Rows looked at for one read, at most. */
const ROWS_MAX = 2_000;
const ROWS_MIN = 16;

/**
 * Reads stored batches of one topic. COPY in binary format moves the bodies as they are: a tenth of the CPU of rows as
 * text, and pg's own binary rows pass through UTF-8 and corrupt them.
 */
export class BatchReader {
  /** Batches that the last reads held, as a guess how many rows the next one needs. */
  private rows = ROWS_MIN;

  constructor(
    private readonly sessions: Sessions,
    private readonly topic: number,
  ) {}

  async read(partition: number, from: number, limits: ReadLimits): Promise<ReadResult> {
    const rowsMax = Math.min(ROWS_MAX, Math.ceil(limits.eventsMax), this.rows * 2);
    const query = rangeQuery({ topic: this.topic, partition, from, rowsMax, limits });
    const rows = await this.sessions.with((client) => readCopyBinary(client, query));
    if (rows.length === 0) return this.nothingAt(partition, from);
    const first = int8(rows[0], 0);
    if (first > from) return { batches: [], limited: false, lost: await this.bounds(partition) };
    const batches = rows.map((row) => stored(row, limits.headersOnly));
    const more = bytesOf(rows[rows.length - 1], 2)[0] === 1;
    const limited = more || rows.length >= rowsMax;
    if (limited) this.rows = Math.max(ROWS_MIN, rows.length);
    return { batches, limited };
  }

  /** The log holds no batch from `from` on: is that its end, or is `from` not a position of it? */
  private async nothingAt(partition: number, from: number): Promise<ReadResult> {
    const bounds = await this.bounds(partition);
    const lost = from < bounds.start || from > bounds.end;
    return { batches: [], limited: false, ...(lost ? { lost: bounds } : {}) };
  }

  private async bounds(partition: number): Promise<{ start: number; end: number }> {
    const [row] = await this.sessions.query<{ start: string; next: string }>(
      'log.bounds',
      'SELECT start, next FROM log.head WHERE topic = $1 AND part = $2',
      [this.topic, partition],
    );
    return { start: Number(row?.start ?? 0), end: Number(row?.next ?? 0) };
  }
}

interface Range {
  readonly topic: number;
  readonly partition: number;
  readonly from: number;
  readonly rowsMax: number;
  readonly limits: ReadLimits;
}

/**
 * Whole batches from the one that holds `from` on: the first whatever its size, then as many as the limits take. The
 * limits are applied to counts and sizes beside the bodies, so that no body is fetched in vain. `more` says of a row
 * that a batch follows it; on the last row, that the limits left one out. COPY takes no parameters, hence the check.
 */
function rangeQuery({ topic, partition, from, rowsMax, limits }: Range): string {
  const eventsMax = Math.min(Math.floor(limits.eventsMax), Number.MAX_SAFE_INTEGER);
  const bytesMax = Math.min(Math.floor(limits.bytesMax), Number.MAX_SAFE_INTEGER);
  for (const value of [topic, partition, from, rowsMax, eventsMax, bytesMax]) {
    if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`);
  }
  const where = `topic = ${topic} AND part = ${partition}`;
  const bytes = limits.headersOnly ? '0' : 'bytes';
  return `
    SELECT base, count, more, (extract(epoch FROM appended_at) * 1000)::float8,
      header${limits.headersOnly ? '' : ', body'}
    FROM (
      SELECT *, row_number() OVER w AS nth, sum(base + count - greatest(base, ${from})) OVER w AS events, sum(${bytes}) OVER w AS total,
        lead(base) OVER w IS NOT NULL AS more
      FROM (
        SELECT * FROM log.batch WHERE ${where}
          AND base >= coalesce((SELECT max(base) FROM log.batch WHERE ${where} AND base <= ${from}), ${from})
        ORDER BY base LIMIT ${rowsMax}
      ) AS run
      WINDOW w AS (ORDER BY base ROWS UNBOUNDED PRECEDING)
    ) AS summed
    WHERE base + count > ${from} AND (nth = 1 OR (events <= ${eventsMax} AND total <= ${bytesMax}))
    ORDER BY base`;
}

function stored(row: CopyRow, headersOnly: boolean): StoredBatch {
  return {
    base: int8(row, 0),
    size: bytesOf(row, 1).readInt32BE(0),
    appendedAt: new Date(bytesOf(row, 3).readDoubleBE(0)),
    header: JSON.parse(bytesOf(row, 4).toString('utf8')) as BatchHeader,
    records: headersOnly ? null : decodeFrame(bytesOf(row, 5)).records,
  };
}

function bytesOf(row: CopyRow, column: number): Buffer {
  const field = row[column];
  if (!field) throw new Error(`column ${column} of a stored batch is null`);
  return field;
}

/** Offsets are exact as numbers: 2^53 records take 285 years at a million a second. */
const int8 = (row: CopyRow, column: number): number => Number(bytesOf(row, column).readBigInt64BE(0));
