import type { Messaging } from '@millrace/messaging';

export interface PendingDeps {
  readonly messaging: Pick<Messaging, 'subscribe'>;
  readonly topic: string;
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  readonly positions: () => Promise<ReadonlyMap<string, number>>;
}

const WAIT_MS_MAX = 1_000;

/**
 * How many of a tenant's events are in the log and have not landed, by the headers of its batches. Where there are more
 * batches than can be read in a second, those that were.
 */
export function createPending({ messaging, topic, ends, positions }: PendingDeps) {
  return async (tenant: string): Promise<number> => {
    const to = await ends();
    const from = await positions();
    const open = new Map([...to].filter(([partition, end]) => end > (from.get(partition) ?? 0)));
    if (open.size === 0) return 0;
    const subscription = await messaging.subscribe({
      ...{ topic, group: null, headersOnly: true },
      onAssigned: async (partition) => from.get(partition) ?? to.get(partition) ?? 0,
    });
    AbortSignal.timeout(WAIT_MS_MAX).addEventListener('abort', () => void subscription.close(), { once: true });
    let pending = 0;
    try {
      while (open.size > 0) {
        const delivery = await subscription.next();
        if (!delivery) break;
        for (const { header } of delivery.batches)
          for (const row of header.counts ?? []) if (row.tenant === tenant) pending += row.count;
        if ((delivery.range?.to ?? Infinity) >= (open.get(delivery.partition) ?? 0)) open.delete(delivery.partition);
      }
    } finally {
      await subscription.close();
    }
    return pending;
  };
}
