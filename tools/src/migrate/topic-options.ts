import type { TopicOptions } from '@millrace/messaging';
import { BYTES, parseQuantity } from '@millrace/service/config';
import { TOPICS } from '@millrace/topics';
import { StartError } from '../start/start-error';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
/** Bytes of accepted events that may wait to be curated, unless INBOUND_LOG_BYTES_MAX says otherwise. */
const INBOUND_BYTES_MAX = 4096 * MIB;
/** Below this a few of the largest requests would fill it. */
const INBOUND_BYTES_MAX_MIN = 64 * MIB;

/**
 * How much of each topic is kept after every group has read it. Unread batches are never trimmed: a topic that reaches
 * `bytesMax` with them refuses appends, which producers see as 503.
 * @throws StartError when INBOUND_LOG_BYTES_MAX is no size, or too small
 */
export function topicOptions(env: NodeJS.ProcessEnv): readonly { topic: string; options: TopicOptions }[] {
  const inboundBytesMax = inboundBytes(env['INBOUND_LOG_BYTES_MAX']);
  return Object.values(TOPICS).map(({ name, partitions }) => ({
    topic: name,
    options:
      name === TOPICS.eventsInbound.name
        ? { partitions, retentionMs: 24 * HOUR_MS, bytesMax: inboundBytesMax }
        : { partitions, retentionMs: 7 * 24 * HOUR_MS, bytesMax: 256 * MIB },
  }));
}

function inboundBytes(text: string | undefined): number {
  if (!text) return INBOUND_BYTES_MAX;
  const bytes = parseQuantity(text, BYTES);
  if (bytes === undefined || bytes < INBOUND_BYTES_MAX_MIN)
    throw new StartError(`INBOUND_LOG_BYTES_MAX takes a size such as 4GiB, from 64MiB; it is ${JSON.stringify(text)}.`);
  return bytes;
}
