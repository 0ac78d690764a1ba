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
  /** Replays that left it here. */
  readonly replays: number;
  /** Why the last one could not try it, e.g. a recipe that threw. */
  readonly lastFailure: string | null;
  /** The mended version that the last replay tried, and its line in the raw zone. */
  readonly mended: { readonly recipe: string; readonly rawPart: string; readonly rawLine: number } | null;
  /** The item may hold personal data: it is kept sealed under the key of this id, and not shown. */
  readonly sealed?: string;
  /** Its subject was erased, and the key with it: nobody can read the item any more. */
  readonly erased: boolean;
  /** Where the item is UTF-8. */
  readonly text?: string;
  /** Where it is not. */
  readonly base64?: string;
  readonly bytes: number;
  /** Only the first bytes are shown. */
  readonly truncated: boolean;
}

/** An item with its bytes as text, or as base64 where they are no UTF-8; of sealed ones only their number is shown. */
export function showItem(item: QuarantinedItem, bytesMax = SHOWN_BYTES_MAX): ShownItem {
  const {
    groupId,
    acceptedAt,
    quarantinedAt,
    raw,
    sealedBy,
    recipe,
    mendedPart,
    mendedLine,
    tenant: _tenant,
    ...more
  } = item;
  const { healedAs: _as, healedAt: _at, healedBatch: _batch, ...rest } = more;
  return {
    ...rest,
    id: String(item.id),
    group: groupId,
    batchId: Number(item.batchId),
    acceptedAt: acceptedAt.toISOString(),
    quarantinedAt: quarantinedAt.toISOString(),
    mended: recipe === null ? null : { recipe, rawPart: String(mendedPart), rawLine: Number(mendedLine) },
    ...(sealedBy === null
      ? showBytes(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), bytesMax)
      : { sealed: sealedBy, bytes: raw.byteLength, truncated: true }),
  };
}

export function showBytes(
  raw: Buffer,
  bytesMax = SHOWN_BYTES_MAX,
): Pick<ShownItem, 'text' | 'base64' | 'bytes' | 'truncated'> {
  const truncated = raw.length > bytesMax;
  if (!isUtf8(raw)) return { base64: raw.subarray(0, bytesMax).toString('base64'), bytes: raw.length, truncated };
  let end = Math.min(raw.length, bytesMax);
  // Not in the middle of a character: bytes of the form 10xxxxxx continue one.
  while (truncated && end > 0 && (raw[end] & 0xc0) === 0x80) end--;
  return { text: raw.toString('utf8', 0, end), bytes: raw.length, truncated };
}

/** Bytes of a sample that the list of groups shows. */
const SAMPLE_BYTES_MAX = 4_096;

export function showGroup({ groupId, firstSeen, lastSeen, samples, ...group }: GroupSummary): object {
  const shown = samples.map((item) => showItem(item, SAMPLE_BYTES_MAX));
  return {
    group: groupId,
    ...group,
    firstSeen: firstSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
    // The oldest one.
    sample: shown[0],
    samples: shown,
  };
}
