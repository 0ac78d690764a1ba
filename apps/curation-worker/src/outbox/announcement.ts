import { createHash } from 'node:crypto';
import type { OutboxMessage } from '@millrace/messaging/outbox';
import { type BatchStaged, TOPICS } from '@millrace/topics';
import type { UnnumberedBatch } from '../landing/message';

/** batches.staged for a landed batch, to be sent for the first time or once more. */
export interface Announcement extends OutboxMessage {
  readonly number: number;
}

/** @param sends how often it has been sent: each further time is another append, which is to be stored again */
export function announcement(message: UnnumberedBatch, number: number, sends = 0): Announcement {
  const staged: BatchStaged = { ...message, number };
  return {
    id: appendIdOf(message.lineId, number, sends),
    topic: TOPICS.batchesStaged.name,
    json: JSON.stringify(staged),
    traceparent: message.traceparent,
    number,
  };
}

/** The same for the same message of the same round, whoever sends it. A UUIDv8 (RFC 9562, 5.8). */
function appendIdOf(lineId: string, number: number, sends: number): string {
  const id = createHash('sha256')
    .update(JSON.stringify([TOPICS.batchesStaged.name, lineId, number, sends]))
    .digest()
    .subarray(0, 16);
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
