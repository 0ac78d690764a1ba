import { decode } from '@millrace/envelope';
import type { DeliveredRecord } from '@millrace/messaging';
import { KeyError, type NamedKey, openHeaders, openValues } from '@millrace/privacy';
import type { InboundHeaders } from '@millrace/topics';
import type { FindKey } from '../privacy/open-items';

/** Whether a record of the log is a tenant's event; null for one that is sealed and cannot be opened. */
export function createIsEvent(find: FindKey) {
  return (record: DeliveredRecord, tenant: string, eventId: string): boolean | null | Promise<boolean | null> => {
    const headers = record.headers as unknown as InboundHeaders;
    if (headers.tenant !== tenant) return false;
    const isIt = (value: Buffer, clear: InboundHeaders): boolean => {
      const decoded = decode(value, clear);
      return (decoded.ok ? decoded.envelope.eventId : decoded.eventId) === eventId;
    };
    const opened = (key: NamedKey | null): boolean | null => {
      if (!key) return null;
      try {
        return isIt(openValues(headers, [record.value], key)[0], openHeaders(headers, key) as InboundHeaders);
      } catch (error) {
        if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return null;
        throw error;
      }
    };
    if (headers.sealed === undefined) return isIt(record.value, headers);
    return find(headers.sealed).then(opened, () => null);
  };
}
