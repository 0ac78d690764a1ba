import { decode, type Decoded, isSound, type Refusal } from '@millrace/envelope';
import type { ProblemDetail } from '@millrace/service';
import { problemOf } from './capture';
import type { RecordHeaders } from './reception';

/** What became of one item of a request. */
export interface ItemReceipt {
  readonly index: number;
  /** The event's own id, the one derived from its content, or null where the item has none that can be told. */
  readonly eventId: string | null;
  readonly status: 'accepted' | 'quarantined' | 'refused';
  readonly error?: ProblemDetail;
}

/** Bytes looked at before other requests get their turn: some milliseconds. */
const TURN_BYTES = 512 * 1024;

/**
 * Looks at every item in order, or until `look` returns false, which is then the result. A large request is looked at in several turns of the event loop, so that no other waits
 * for all of it.
 */
export async function eachItem(
  items: readonly Buffer[],
  look: (value: Buffer, index: number) => boolean | void,
): Promise<boolean> {
  let bytes = 0;
  for (let index = 0; index < items.length; index++) {
    const value = items[index];
    if (look(value, index) === false) return false;
    // An item costs something however small it is.
    bytes += value.length + 256;
    if (bytes < TURN_BYTES) continue;
    bytes = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return true;
}

/** The receipt of an item that is kept whatever it is; null for one that passes the light check at the door. */
export function faultReceipt(value: Buffer, headers: RecordHeaders, index: number): ItemReceipt | null {
  // Of a binary CloudEvent the light check sees the headers only, and there is just one in a request.
  if (headers.format !== 'ce-binary' && isSound(value, headers)) return null;
  const receipt = fullReceipt(value, headers, index);
  return receipt.status === 'accepted' ? null : receipt;
}

/** The receipt of an item that is kept whatever it is, with its event id. */
export function fullReceipt(value: Buffer, headers: RecordHeaders, index: number): ItemReceipt {
  const decoded = decode(value, headers);
  if (decoded.ok) return { index, eventId: decoded.envelope.eventId, status: 'accepted' };
  return { index, eventId: decoded.eventId, status: 'quarantined', error: problemOf(decoded.refusal) };
}

/** The receipt of an item that is kept only when nothing is wrong with it. */
export function strictReceipt(decoded: Decoded, fault: Refusal | null, index: number): ItemReceipt {
  const eventId = decoded.ok ? decoded.envelope.eventId : decoded.eventId;
  return fault
    ? { index, eventId, status: 'refused', error: problemOf(fault) }
    : { index, eventId, status: 'accepted' };
}
