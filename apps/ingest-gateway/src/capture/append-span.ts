import type { Messaging, RecordBatch } from '@millrace/messaging';
import { currentTraceparent, isTracing, withSpan } from '@millrace/observability';

/** Requests that one append is linked to, at most. */
const LINKS_MAX = 32;

/**
 * Appends to a topic, as a span of OpenTelemetry's messaging conventions where spans are recorded: it serves many
 * requests, so it has none of them as its parent and links to all of them.
 */
export function createAppend(messaging: Pick<Messaging, 'append'>, topic: string, system: string) {
  const attributes = {
    'messaging.system': system,
    'messaging.destination.name': topic,
    'messaging.operation.name': 'append',
    'messaging.operation.type': 'send',
  };
  return (batch: RecordBatch, partition: string): Promise<unknown> => {
    if (!isTracing()) return messaging.append(topic, batch, { partition });
    const options = {
      kind: 'producer' as const,
      attributes: {
        ...attributes,
        'messaging.destination.partition.id': partition,
        'messaging.batch.message_count': batch.records.length,
      },
      links: requestsOf(batch),
    };
    return withSpan(`append ${topic}`, options, () => {
      const header = { ...batch.header, traceparent: currentTraceparent() };
      return messaging.append(topic, { ...batch, header }, { partition });
    });
  };
}

function requestsOf({ records }: RecordBatch): string[] {
  const traces = new Set<string>();
  for (const { headers } of records) {
    if (headers.traceparent !== undefined) traces.add(headers.traceparent);
    if (traces.size === LINKS_MAX) break;
  }
  return [...traces];
}
