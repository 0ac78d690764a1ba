import { bindMessage, executeBound, type Statement } from '@millrace/postgres';
import type { FrameWriter } from '../codec';
import type { Appended, BatchHeader } from '../port';
import { isRefusal } from './errors';
import type { SendBuffers } from './send-buffers';
import type { Sessions } from './session';
import type { TopicRow } from './topics';

/**
 * `log.append` for one partition and in one statement, which costs the server two thirds of the function. It stores the
 * batch or changes nothing and returns no row: where the partition is missing, the topic full or of another number of
 * partitions, or the append stored already; the function then says which.
 *
 * The statement looks for a stored append as of its begin. One that commits while this waits for the head has the same
 * partition, and the unique index refuses this; one of another partition means that partitions were added in between,
 * which waits for appends under way and so is seen.
 */
const STATEMENT: Statement = {
  name: 'log.append-one',
  text: `WITH head AS (
  UPDATE log.head h SET next = h.next + $5::integer, bytes = h.bytes + $6::integer FROM log.topic t
    WHERE h.topic = $1::integer AND h.part = $4::integer AND t.id = $1 AND t.partitions = $2::integer
      AND (t.bytes_max IS NULL OR t.bytes_max >= $6 + (SELECT sum(s.bytes) FROM log.head s WHERE s.topic = $1))
      AND NOT EXISTS (SELECT FROM log.batch b WHERE b.append_id = $3::uuid AND b.topic = $1)
    RETURNING h.next - $5 AS base
)
INSERT INTO log.batch (topic, part, base, count, bytes, append_id, header, body)
  SELECT $1, $4, head.base, $5, $6, $3, $7::json, $8::bytea FROM head RETURNING base`,
};

/** The append was stored by a transaction that this one had to wait for. */
export const isRepeated = (error: unknown): boolean =>
  (error as { code?: unknown; constraint?: unknown } | null)?.code === '23505' &&
  (error as { constraint?: unknown }).constraint === 'batch_append_id';

/** Appends a frame to one partition; null when nothing was stored and `log.append` has to be asked. */
export async function appendOne(
  sessions: Sessions,
  buffers: SendBuffers,
  topic: TopicRow,
  partition: number,
  header: BatchHeader,
  frame: FrameWriter,
  count: number,
): Promise<Appended | null> {
  const text = JSON.stringify(header);
  const bytes = frame.length + Buffer.byteLength(text);
  const values = [topic.id, topic.partitions, header.appendId, partition, count, bytes].map(String);
  let taken: Buffer | null = null;
  const message = bindMessage(STATEMENT, [...values, text, frame], (size) => (taken = buffers.take(size)));
  const giveBack = (): void => {
    if (taken) buffers.give(taken);
  };
  try {
    const rows = await sessions.with((client) => executeBound(client, STATEMENT, message));
    giveBack();
    return rows.length === 0 ? null : { partition: String(partition), base: Number(rows[0][0]), count };
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause ?? error;
    // The server read all of it before it refused. A connection that broke may still be reading from the buffer.
    if (isRefusal(cause)) giveBack();
    if (isRepeated(cause)) return null;
    throw error;
  }
}
