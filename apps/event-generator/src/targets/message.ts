import { decode, toCloudEvent } from '@millrace/envelope';

export type MessageFormat = 'json' | 'cloudevents';

/** An event as a message of a broker. */
export interface Message {
  readonly body: Buffer;
  /** CloudEvents attributes as `ce-…`, and `content-type`. */
  readonly headers: Readonly<Record<string, string>>;
}

const PLAIN = { 'content-type': 'application/json' };

/**
 * What a message of the format carries: the event as it is, or a CloudEvent in binary mode. Bytes that are no event cannot
 * be put into a CloudEvent and travel as they are, as they would from a producer with a fault.
 *
 * @param at the time of sending, RFC 3339
 */
export function messageOf(bytes: Buffer, format: MessageFormat, at: string): Message {
  if (format === 'json') return { body: bytes, headers: PLAIN };
  const decoded = decode(bytes, { format: 'event', tenant: '', source: 'event-generator', at });
  if (!decoded.ok) return { body: bytes, headers: PLAIN };
  const { body, headers } = toCloudEvent(decoded.envelope, 'binary');
  return { body, headers };
}
