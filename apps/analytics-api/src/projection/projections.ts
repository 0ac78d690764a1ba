import { ConsumeLoop, jsonRecords } from '@millrace/messaging/loop';
import type { Delivery, Messaging } from '@millrace/messaging';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type BatchStaged, GROUPS } from '@millrace/topics';
import type { CountedBatch, ReadModels } from './read-models';

export interface ProjectionDeps {
  readonly messaging: Messaging;
  readonly readModels: ReadModels;
  readonly onError: (error: unknown) => void;
  readonly sleep: (ms: number) => Promise<void>;
  readonly failpoint: Failpoint<'analytics-api'>;
  /** A producer's sequence number is missing: an append was lost, or one of unknown outcome never happened. */
  readonly onSequenceGap?: (gap: { partition: string; incarnation: string; expected: number; found: number }) => void;
}

/** Receipts are counted some ten times a second and partition: each count is a transaction, whatever it holds. */
const RECEIPT_LINGER_MS = 100;
/** Headers are small: this is what counts as having waited long enough, and what one transaction counts at most. */
const RECEIPT_EVENTS_MAX = 50_000;

/** The service's readers of data topics: receipts (headers only) and fates. Each starts and stops by itself. */
export function createProjections(deps: ProjectionDeps): {
  received: ConsumeLoop;
  fates: ConsumeLoop;
} {
  const loop = (
    subscribe: ConstructorParameters<typeof ConsumeLoop>[0]['subscribe'],
    handle: (d: Delivery) => Promise<void>,
  ): ConsumeLoop =>
    new ConsumeLoop({ messaging: deps.messaging, subscribe, handle, onError: deps.onError, sleep: deps.sleep });
  const noteSequences = createSequenceWatch(deps.onSequenceGap ?? (() => undefined));
  return {
    received: loop(
      {
        ...GROUPS.conservation,
        headersOnly: true,
        eventsMax: RECEIPT_EVENTS_MAX,
        lingerMs: RECEIPT_LINGER_MS,
        inFlightMax: 1,
        onAssigned: async (partition) =>
          (await deps.readModels.receivedPositions(GROUPS.conservation.topic)).get(partition) ?? null,
      },
      async (delivery) => {
        await deps.readModels.countReceived(delivery.topic, delivery.partition, countedBatches(delivery));
        await deps.failpoint('receipts-counted');
        noteSequences(delivery);
      },
    ),
    fates: loop({ ...GROUPS.analyticsBatches, eventsMax: 200, inFlightMax: 1 }, async (delivery) => {
      await deps.readModels.countFates(jsonRecords<BatchStaged>(delivery));
      await deps.failpoint('fates-counted');
    }),
  };
}

/**
 * The batches of a delivery of headers.
 *
 * @throws Error for a batch whose header does not count all of its records: pending would be wrong from then on
 */
export function countedBatches({
  topic,
  partition,
  batches,
}: Pick<Delivery, 'topic' | 'partition' | 'batches'>): CountedBatch[] {
  return batches.map(({ base, size, header }) => {
    if (base === null) throw new Error(`${topic} has no positions: it cannot be counted`);
    const counts = header.counts ?? [];
    const sum = counts.reduce((total, { count }) => total + count, 0);
    if (sum !== size)
      throw new Error(`${topic}/${partition}: the batch at ${base} has ${size} records, its header counts ${sum}`);
    return { from: base, to: base + size, counts };
  });
}

/** Follows each producer's numbers per partition. Memory is bounded: the longest unseen producers are forgotten. */
function createSequenceWatch(
  onGap: NonNullable<ProjectionDeps['onSequenceGap']>,
  producersMax = 1_000,
): (delivery: Delivery) => void {
  const next = new Map<string, number>();
  return (delivery) => {
    for (const { header } of delivery.batches) {
      if (!header.producer) continue;
      const { incarnation, sequence } = header.producer;
      const key = `${delivery.partition}/${incarnation}`;
      const expected = next.get(key);
      if (expected !== undefined && sequence > expected)
        onGap({ partition: delivery.partition, incarnation, expected, found: sequence });
      next.delete(key);
      next.set(key, sequence + 1);
      if (next.size > producersMax) next.delete(next.keys().next().value as string);
    }
  };
}
