import { decode } from '@millrace/envelope';
import type { DeliveredRecord, Messaging } from '@millrace/messaging';
import { isInTail } from '@millrace/messaging/tail';
import { KeyError, type NamedKey, openHeaders, openValues } from '@millrace/privacy';
import type { InboundHeaders } from '@millrace/topics';

/** Finds the key that records are sealed under; null where it is not to be had. */
export type FindInboundKey = (id: string) => Promise<NamedKey | null>;

/**
 * Whether a tenant's event lies in the log between two positions of each partition: what is acknowledged and in no table yet.
 * Null when that is more than can be read in a moment, or when it is not among what can be read and some cannot.
 */
export function createLogTail(messaging: Messaging, topic: string, find: FindInboundKey = async () => null) {
  return (
    tenant: string,
    eventId: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ): Promise<boolean | null> => {
    const isIt = (value: Buffer, headers: InboundHeaders): boolean => {
      const decoded = decode(value, headers);
      return (decoded.ok ? decoded.envelope.eventId : decoded.eventId) === eventId;
    };
    const isItSealed = async ({ value }: DeliveredRecord, headers: InboundHeaders): Promise<boolean | null> => {
      const key = await find(headers.sealed as string);
      if (!key) return null;
      try {
        return isIt(openValues(headers, [value], key)[0], openHeaders(headers, key) as InboundHeaders);
      } catch (error) {
        if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return null;
        throw error;
      }
    };
    return isInTail({
      ...{ messaging, topic, from, to },
      matches: (record) => {
        const headers = record.headers as unknown as InboundHeaders;
        if (headers.tenant !== tenant) return false;
        return headers.sealed === undefined ? isIt(record.value, headers) : isItSealed(record, headers);
      },
    });
  };
}
