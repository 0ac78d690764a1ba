import { causedBy, isTracing, type SpanOptions, withSpan } from '@millrace/observability';
import type { Delivery } from './port';

/** Work that messages caused, in the terms of OpenTelemetry's messaging conventions. */
export interface MessageWork {
  /** `messaging.operation.name`, e.g. `process`, `commit`. */
  readonly operation: string;
  /** The topic whose messages caused it. */
  readonly topic: string;
  /** Trace contexts of those messages. */
  readonly causes: Iterable<string | null | undefined>;
  readonly attributes?: SpanOptions['attributes'];
}

/** Value of `messaging.system`. */
export const MESSAGING_SYSTEM = 'millrace';

/**
 * Runs `fn` in a consumer's span named `<operation> <topic>`, where spans are recorded; else just runs it, and `work` is
 * not even asked. A failure is recorded as `error.type` and thrown on.
 */
export function traceWork<T>(work: () => MessageWork, fn: () => Promise<T>): Promise<T> {
  if (!isTracing()) return fn();
  const { operation, topic, causes, attributes } = work();
  const options: SpanOptions = {
    kind: 'consumer',
    ...causedBy(causes),
    attributes: {
      'messaging.system': MESSAGING_SYSTEM,
      'messaging.destination.name': topic,
      'messaging.operation.name': operation,
      'messaging.operation.type': 'process',
      ...attributes,
    },
  };
  return withSpan(`${operation} ${topic}`, options, fn);
}

/** Processing one delivery for a group. */
export function deliveryWork(delivery: Delivery, group: string | null): MessageWork {
  return {
    operation: 'process',
    topic: delivery.topic,
    causes: causesOf(delivery),
    attributes: {
      'messaging.destination.partition.id': delivery.partition,
      'messaging.batch.message_count': delivery.count,
      ...(group !== null && { 'messaging.consumer.group.name': group }),
    },
  };
}

/** Whoever sent each record; whoever appended the batch where that is not said, or no records were asked for. */
function* causesOf({ batches }: Delivery): Generator<string | undefined> {
  for (const { header, records } of batches) {
    if (records.length === 0) yield header.traceparent;
    for (const { headers } of records) yield headers['traceparent'] ?? header.traceparent;
  }
}
