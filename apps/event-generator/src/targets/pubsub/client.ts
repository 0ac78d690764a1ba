import type { Clock } from '@millrace/observability';
import type { PubSub, Topic } from '@google-cloud/pubsub';
import { messageOf, type MessageFormat } from '../message';
import type { Attempt, Outgoing, Target } from '../port';

export interface PubsubTargetOptions {
  readonly projectId: string;
  /** Name of the topic, without the project. */
  readonly topic: string;
  readonly format: MessageFormat;
  /** Whether messages have the event's key as ordering key: Pub/Sub then takes at most 1 MB/s of a key. */
  readonly ordered: boolean;
  /** `host:port` of an emulator, in place of Google's servers. */
  readonly emulatorHost?: string;
  /** Key file of a service account; without one the application default credentials are used. */
  readonly credentialsPath?: string;
  readonly requestMsMax: number;
  readonly clock: Clock;
}

/** Pub/Sub takes at most 1,000 messages and 10 MB a request. */
const BATCH_ITEMS_MAX = 1_000;
const BATCH_BYTES_MAX = 8_000_000;

/** An emulator asks for no credentials; without any, the client would look for Google's metadata server. */
const NOBODY = { client_email: 'nobody@example.com', private_key: 'none' };

/** gRPC status codes of requests that may have reached the server, or that it may yet carry out. */
const UNKNOWN_OUTCOME = new Set([1, 2, 4, 10, 13, 14]);
/** … and of those that another attempt may mend: cancelled, unknown, deadline, exhausted, aborted, internal, away. */
const RETRIED = new Set([...UNKNOWN_OUTCOME, 8]);

/** A Pub/Sub topic. The client is loaded at the start, by services that use it alone. */
export function createPubsubTarget(options: PubsubTargetOptions): Target {
  const { format, ordered, clock } = options;
  let client: PubSub | null = null;
  let topic: Topic | null = null;
  const publish = async (to: Topic, { bytes, key }: Outgoing, at: string): Promise<void> => {
    const { body, headers } = messageOf(bytes, format, at);
    const attributes = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        name.startsWith('ce-') ? decodeURIComponent(value) : value,
      ]),
    );
    await to.publishMessage({ data: body, attributes, ...(ordered && { orderingKey: key }) });
  };
  return {
    name: 'pubsub',
    batchItemsMax: BATCH_ITEMS_MAX,
    batchBytesMax: BATCH_BYTES_MAX,
    async start() {
      const { PubSub: Client } = await import('@google-cloud/pubsub');
      client = new Client({
        projectId: options.projectId,
        ...(options.emulatorHost && { apiEndpoint: options.emulatorHost, emulatorMode: true, credentials: NOBODY }),
        ...(options.credentialsPath && { keyFilename: options.credentialsPath }),
      });
      topic = client.topic(options.topic, {
        messageOrdering: ordered,
        batching: { maxMessages: BATCH_ITEMS_MAX, maxBytes: BATCH_BYTES_MAX, maxMilliseconds: 5 },
        gaxOpts: { timeout: options.requestMsMax, retry: null },
      });
    },
    /** All of a batch is acknowledged, or it counts as failed: what is repeated of it keeps its ids. */
    async send(items): Promise<Attempt> {
      if (!topic) return failed({ message: 'the client is not started' }, false);
      const to = topic;
      const at = new Date(clock.now()).toISOString();
      const settled = await Promise.allSettled(items.map((item) => publish(to, item, at)));
      const faults = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as GrpcError] : []));
      if (faults.length === 0) return { outcome: 'acknowledged', quarantined: null };
      // After a failure the client takes nothing more of an ordering key until it is told to go on.
      if (ordered) for (const { key } of items) to.resumePublishing(key);
      return failed(faults[0], faults.length < items.length);
    },
    async stop() {
      await topic?.flush();
      await client?.close();
      topic = null;
      client = null;
    },
  };
}

interface GrpcError {
  readonly code?: number | string;
  readonly message: string;
}

function failed({ code, message }: GrpcError, partly: boolean): Attempt {
  const status = typeof code === 'number' ? code : 2;
  return {
    outcome: 'failed',
    canRetry: RETRIED.has(status),
    mayBeStored: partly || UNKNOWN_OUTCOME.has(status),
    retryAfterMs: null,
    reason: `Pub/Sub did not acknowledge: ${message}`,
  };
}
