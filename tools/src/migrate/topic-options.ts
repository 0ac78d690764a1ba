import type { TopicOptions } from '@millrace/messaging';
import { TOPICS } from '@millrace/topics';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/**
 * How much of each topic is kept after every group has read it. Unread batches are never trimmed: a topic that reaches
 * `bytesMax` with them refuses appends, which producers see as 503.
 */
export const TOPIC_OPTIONS: readonly { topic: string; options: TopicOptions }[] = Object.values(TOPICS).map(
  ({ name, partitions }) => ({
    topic: name,
    options:
      name === TOPICS.eventsInbound.name
        ? { partitions, retentionMs: 24 * HOUR_MS, bytesMax: 4096 * MIB }
        : { partitions, retentionMs: 7 * 24 * HOUR_MS, bytesMax: 256 * MIB },
  }),
);
