import { ConsumeLoop, jsonRecords } from '@millrace/messaging/loop';
import type { Delivery, Messaging } from '@millrace/messaging';
import { GROUPS, type BatchStaged, type TablesChanged } from '@millrace/topics';
import type { ReadModels } from './read-models';

export interface ProjectionDeps {
  readonly messaging: Messaging;
  readonly readModels: ReadModels;
  readonly onError: (error: unknown) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** A commit was recorded: readers of the catalog may look for its newest version. */
  readonly onTablesChanged?: () => void;
  /** A producer's sequence number is missing: an append was lost, or one of unknown outcome never happened. */
  readonly onSequenceGap?: (gap: { partition: string; incarnation: string; expected: number; found: number }) => void;
}

/** The service's three readers: receipts (headers only), fates, commits. Each starts and stops by itself. */
export function createProjections(deps: ProjectionDeps): {
  received: ConsumeLoop;
  fates: ConsumeLoop;
  commits: ConsumeLoop;
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
        inFlightMax: 1,
        onAssigned: (partition) => deps.readModels.receivedPosition(GROUPS.conservation.topic, partition),
      },
      async (delivery) => {
        if (!delivery.range) throw new Error('the input log must have positions to be counted');
        const counts = delivery.batches.flatMap((batch) => batch.header.counts ?? []);
        await deps.readModels.countReceived({
          topic: delivery.topic,
          partition: delivery.partition,
          ...delivery.range,
          counts,
        });
        noteSequences(delivery);
      },
    ),
    fates: loop({ ...GROUPS.analyticsBatches, eventsMax: 200, inFlightMax: 1 }, (delivery) =>
      deps.readModels.countFates(jsonRecords<BatchStaged>(delivery)),
    ),
    commits: loop({ ...GROUPS.analyticsTables, eventsMax: 200, inFlightMax: 1 }, async (delivery) => {
      for (const commit of jsonRecords<TablesChanged>(delivery)) await deps.readModels.recordCommit(commit);
      deps.onTablesChanged?.();
    }),
  };
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
