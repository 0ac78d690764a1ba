import { decode } from '@millrace/envelope';
import type { Messaging } from '@millrace/messaging';
import { isInTail } from '@millrace/messaging/tail';
import type { InboundHeaders } from '@millrace/topics';

/**
 * Whether a tenant's event lies in the log between two positions of each partition: what is acknowledged and in no table yet.
 * Null when that is more than can be read in a moment.
 */
export function createLogTail(messaging: Messaging, topic: string) {
  return (
    tenant: string,
    eventId: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ): Promise<boolean | null> =>
    isInTail({
      ...{ messaging, topic, from, to },
      matches: ({ headers, value }) => {
        if (headers['tenant'] !== tenant) return false;
        const decoded = decode(value, headers as unknown as InboundHeaders);
        return (decoded.ok ? decoded.envelope.eventId : decoded.eventId) === eventId;
      },
    });
}
