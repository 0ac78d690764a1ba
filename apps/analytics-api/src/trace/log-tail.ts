import { decode } from '@millrace/envelope';
import type { Messaging } from '@millrace/messaging';
import type { InboundHeaders } from '@millrace/topics';

/** Records looked at, at most. */
const RECORDS_MAX = 50_000;
const WAIT_MS_MAX = 2_000;

/**
 * Whether a tenant's event lies in the log between two positions of each partition: what is acknowledged and in no table yet.
 * Null when that is more than can be read in a moment.
 * Reads beside the groups, with no position of its own.
 */
export function createLogTail(messaging: Messaging, topic: string) {
  return async (
    tenant: string,
    eventId: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ): Promise<boolean | null> => {
    const open = new Map([...to].filter(([partition, end]) => end > (from.get(partition) ?? 0)));
    if (open.size === 0) return false;
    const subscription = await messaging.subscribe({
      topic,
      group: null,
      onAssigned: async (partition) => from.get(partition) ?? 0,
    });
    const end = AbortSignal.timeout(WAIT_MS_MAX);
    end.addEventListener('abort', () => void subscription.close(), { once: true });
    try {
      let looked = 0;
      const reached = new Map(from);
      while (open.size > 0) {
        if (looked >= RECORDS_MAX) return null;
        const delivery = await subscription.next();
        if (!delivery) return null;
        const { partition, range } = delivery;
        // What lies between is not in the log any more, or the engine does not read back: nothing is known of it.
        if ((range?.from ?? Infinity) > (reached.get(partition) ?? 0) && open.has(partition)) return null;
        reached.set(partition, range?.to ?? 0);
        for (const record of delivery.batches.flatMap((batch) => batch.records)) {
          looked++;
          if (record.headers['tenant'] !== tenant) continue;
          const decoded = decode(record.value, record.headers as unknown as InboundHeaders);
          if ((decoded.ok ? decoded.envelope.eventId : decoded.eventId) === eventId) return true;
        }
        if ((range?.to ?? 0) >= (open.get(partition) ?? 0)) open.delete(partition);
      }
      return false;
    } finally {
      await subscription.close();
    }
  };
}
