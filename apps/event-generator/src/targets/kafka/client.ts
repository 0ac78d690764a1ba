import type { Clock, Logger } from '@millrace/observability';
import type { KafkaMessage, Producer } from 'kafkajs';
import { messageOf, type MessageFormat } from '../message';
import type { Attempt, Outgoing, Target } from '../port';

export interface KafkaTargetOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly format: MessageFormat;
  readonly clientId: string;
  /** Longest time for one request to a broker, ms. */
  readonly requestMsMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Kafka's own limit on a request is 1 MiB with everything around the messages. */
const BATCH_BYTES_MAX = 900 * 1024;

/**
 * A Kafka topic. Messages have the event's key, so that Kafka keeps the order of an order, a session, a shipment, and are
 * acknowledged by all in-sync replicas (`acks=-1`). The client is loaded at the start, by services that use it alone.
 *
 * The producer is not kafkajs' idempotent one: after a request whose outcome is unknown that takes its sequence numbers
 * back and gives them to the next batch, which the broker then drops as a repetition and acknowledges. Killing a broker
 * under 400 events/s lost a batch of acknowledged events that way. Here a repeated batch may be stored twice, is counted
 * as such, and has the same event ids.
 */
export function createKafkaTarget(options: KafkaTargetOptions): Target {
  const { topic, format, clock, logger } = options;
  let producer: Producer | null = null;
  return {
    name: 'kafka',
    batchItemsMax: 1_000,
    batchBytesMax: BATCH_BYTES_MAX,
    async start() {
      const { Kafka: Client, logLevel, Partitioners } = await import('kafkajs');
      const kafka = new Client({
        clientId: options.clientId,
        brokers: [...options.brokers],
        requestTimeout: options.requestMsMax,
        // Tried again by the publisher, which knows how long its callers wait, and has to know what may be stored twice.
        retry: { retries: 0, initialRetryTime: 1 },
        logLevel: logLevel.WARN,
        logCreator: () => (entry) => logger.warn({ reason: entry.log.message }, 'the Kafka client complains'),
      });
      const made = kafka.producer({
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
      });
      await made.connect();
      producer = made;
    },
    async send(items): Promise<Attempt> {
      if (!producer) return failed(new Error('the producer is not connected'), { canRetry: true, mayBeStored: false });
      const at = new Date(clock.now()).toISOString();
      try {
        const messages = items.map((item) => kafkaMessage(item, format, at));
        await producer.send({ topic, acks: -1, timeout: options.requestMsMax, messages });
        return { outcome: 'acknowledged', quarantined: null };
      } catch (error) {
        return failed(error as Error, faultOf(error as KafkaError));
      }
    },
    async stop() {
      await producer?.disconnect();
      producer = null;
    },
  };
}

/** As the Kafka protocol binding of CloudEvents names headers: `ce_id`, and values that are not percent-encoded. */
function kafkaMessage(
  { bytes, key }: Outgoing,
  format: MessageFormat,
  at: string,
): Pick<KafkaMessage, 'key' | 'value' | 'headers'> {
  const { body, headers } = messageOf(bytes, format, at);
  const named = Object.entries(headers).map(([name, value]) =>
    name.startsWith('ce-') ? [`ce_${name.slice(3)}`, decodeURIComponent(value)] : [name, value],
  );
  return { key: Buffer.from(key), value: body, headers: Object.fromEntries(named) };
}

type KafkaError = Error & { readonly type?: string; readonly retriable?: boolean; readonly cause?: KafkaError };

/** Refusals that no repetition changes. */
const FINAL = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
]);
/** What brokers say before they have stored anything. */
const NOT_STORED = new Set([...FINAL, 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS']);

function faultOf(error: KafkaError): { canRetry: boolean; mayBeStored: boolean } {
  const type = error.type ?? error.cause?.type ?? '';
  return { canRetry: !FINAL.has(type), mayBeStored: !NOT_STORED.has(type) };
}

const failed = (error: Error, fault: { canRetry: boolean; mayBeStored: boolean }): Attempt => ({
  outcome: 'failed',
  ...fault,
  retryAfterMs: null,
  reason: `Kafka did not acknowledge: ${error.message}`,
});
