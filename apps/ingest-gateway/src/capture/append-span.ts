import type { Messaging, RecordBatch } from '@millrace/messaging';
import { causedBy, currentTraceparent, isTracing, withSpan } from '@millrace/observability';

/**
 * Appends to a topic, as a span of OpenTelemetry's messaging conventions where spans are recorded: a child of the request
 * that it serves; where it serves several, linked to them and a child of none.
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
      ...causedBy(requestsOf(batch)),
    };
    return withSpan(`append ${topic}`, options, () => {
      const header = { ...batch.header, traceparent: currentTraceparent() };
      return messaging.append(topic, { ...batch, header }, { partition });
    });
  };
}

function* requestsOf({ records }: RecordBatch): Generator<string | undefined> {
  for (const { headers } of records) yield headers.traceparent;
}
