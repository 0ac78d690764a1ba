import { currentTraceparent } from '@millrace/observability';
import { newAppendId } from '../append-id';
import type { Appended, Messaging } from '../port';

export interface PublishOptions {
  /** Messages with equal keys keep their order. */
  readonly key?: string;
  /** Publishing twice under one id (a UUID) is publishing once. Default: a new one. */
  readonly appendId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Sends one value as a JSON message, with the trace it belongs to. Resolves once it is durable.
 * @throws MessagingError as `append` does; TypeError for a value that has no JSON
 */
export async function publishJson(
  messaging: Messaging,
  topic: string,
  value: unknown,
  { key, appendId, headers }: PublishOptions = {},
): Promise<Appended> {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`a message to ${topic} has no JSON: ${typeof value}`);
  const traceparent = currentTraceparent();
  const [appended] = await messaging.append(topic, {
    header: { appendId: appendId ?? newAppendId(), ...(traceparent && { traceparent }) },
    records: [
      {
        key: key ?? null,
        headers: { 'content-type': 'application/json', ...(traceparent && { traceparent }), ...headers },
        value: Buffer.from(json),
      },
    ],
  });
  return appended;
}
