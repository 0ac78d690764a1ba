import { decode } from '@millrace/envelope';
import type { Messaging } from '@millrace/messaging';
import type { InboundHeaders } from '@millrace/topics';

/** Records looked at, at most, before the answer is that it is not known to be there. */
const RECORDS_MAX = 50_000;
const WAIT_MS_MAX = 2_000;

/**
 * Whether an event lies in the log between two positions of each partition: what is acknowledged and not landed yet.
 * Reads beside the groups, with no position of its own.
 */
export function createLogTail(messaging: Messaging, topic: string) {
  return async (eventId: string, from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): Promise<boolean> => {
    const open = new Map([...to].filter(([partition, end]) => end > (from.get(partition) ?? 0)));
    if (open.size === 0) return false;
    const subscription = await messaging.subscribe({ topic, group: null, onAssigned: async (partition) => from.get(partition) ?? 0 });
    const timer = setTimeout(() => void subscription.close(), WAIT_MS_MAX);
    try {
      for (let looked = 0; open.size > 0 && looked < RECORDS_MAX; ) {
        const delivery = await subscription.next();
        if (!delivery) return false;
        for (const record of delivery.batches.flatMap((batch) => batch.records)) {
          looked++;
          const decoded = decode(record.value, record.headers as unknown as InboundHeaders);
          if ((decoded.ok ? decoded.envelope.eventId : decoded.eventId) === eventId) return true;
        }
        if ((delivery.range?.to ?? 0) >= (open.get(delivery.partition) ?? 0)) open.delete(delivery.partition);
      }
      return false;
    } finally {
      clearTimeout(timer);
      await subscription.close();
    }
  };
}
