import { refusal } from '../refusal';
import { encodingOf, parseContentType } from './content-type';
import { STRUCTURED_TYPE, type CloudEventsRequest } from './from-http';
import { encodeHeaderBytes } from './header-value';

export interface KafkaMessage {
  readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>;
  /** Null is a tombstone: a CloudEvent without data. */
  readonly value: Buffer | null;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * The item of a Kafka message in either mode of the CloudEvents Kafka binding 1.0.2; null where it is no CloudEvent. The
 * record key is the transport's: it is not read (`partitionkey` travels as an extension where the producer sets it).
 */
export function fromCloudEventKafka(message: KafkaMessage): CloudEventsRequest | null {
  const attributes: Record<string, string> = {};
  let contenttype: string | undefined;
  for (const [name, given] of Object.entries(message.headers ?? {})) {
    const value = Array.isArray(given) ? given.at(-1) : given;
    if (value === undefined) continue;
    const bytes = Buffer.from(value as Buffer);
    if (name === 'content-type') contenttype = bytes.toString('utf8');
    // Kept as the HTTP binding would write them, so that records have one form; it carries bytes that are not UTF-8 too.
    else if (name.startsWith('ce_')) attributes[`ce-${name.slice(3)}`] = encodeHeaderBytes(bytes);
  }
  const value = message.value ?? NO_BYTES;
  const type = parseContentType(contenttype ?? '');
  if (type?.media.startsWith('application/cloudevents')) {
    if (type.media !== STRUCTURED_TYPE || encodingOf(type.charset) !== 'utf8') {
      return {
        refusal: refusal('unsupported_content_type', 'a structured CloudEvent in Kafka is one JSON event in UTF-8'),
      };
    }
    return { mode: 'structured', items: [{ format: 'event', contenttype: STRUCTURED_TYPE, value }] };
  }
  if (attributes['ce-specversion'] === undefined) return null;
  return {
    mode: 'binary',
    items: [{ format: 'ce-binary', contenttype, attributes: JSON.stringify(attributes), value }],
  };
}
