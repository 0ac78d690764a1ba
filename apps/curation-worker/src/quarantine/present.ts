import { isUtf8 } from 'node:buffer';
import type { GroupSummary, QuarantinedItem } from './quarantine-store';

/** Bytes of an item that an answer shows; the whole of it is in the raw part. */
export const SHOWN_BYTES_MAX = 65_536;

export interface ShownItem {
  readonly id: string;
  readonly group: string;
  readonly status: string;
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly contractVersion: string | null;
  readonly eventType: string | null;
  readonly eventId: string | null;
  readonly source: string;
  readonly acceptedAt: string;
  readonly quarantinedAt: string;
  readonly attempts: number;
  readonly batchId: number;
  readonly rawPart: string;
  readonly rawLine: number;
  /** Where the item is UTF-8. */
  readonly text?: string;
  /** Where it is not. */
  readonly base64?: string;
  readonly bytes: number;
  /** Only the first bytes are shown. */
  readonly truncated: boolean;
}

/** An item with its bytes as text, or as base64 where they are no UTF-8. */
export function showItem(item: QuarantinedItem): ShownItem {
  const { groupId, acceptedAt, quarantinedAt, raw, tenant: _tenant, ...rest } = item;
  return {
    ...rest,
    id: String(item.id),
    group: groupId,
    batchId: Number(item.batchId),
    acceptedAt: acceptedAt.toISOString(),
    quarantinedAt: quarantinedAt.toISOString(),
    ...showBytes(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)),
  };
}

export function showBytes(raw: Buffer): Pick<ShownItem, 'text' | 'base64' | 'bytes' | 'truncated'> {
  const truncated = raw.length > SHOWN_BYTES_MAX;
  if (!isUtf8(raw))
    return { base64: raw.subarray(0, SHOWN_BYTES_MAX).toString('base64'), bytes: raw.length, truncated };
  let end = Math.min(raw.length, SHOWN_BYTES_MAX);
  // Not in the middle of a character: bytes of the form 10xxxxxx continue one.
  while (truncated && end > 0 && (raw[end] & 0xc0) === 0x80) end--;
  return { text: raw.toString('utf8', 0, end), bytes: raw.length, truncated };
}

export function showGroup({ groupId, count, firstSeen, lastSeen, sample, ...group }: GroupSummary): object {
  return {
    group: groupId,
    ...group,
    count,
    firstSeen: firstSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
    sample: showItem(sample),
  };
}
