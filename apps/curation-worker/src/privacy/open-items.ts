import { KeyError, type NamedKey, openHeaders, openValue } from '@millrace/privacy';
import type { Refusal } from '@millrace/envelope';
import type { InboundHeaders } from '@millrace/topics';
import { CURATION_REASONS } from '../pipeline/outcome';
import type { MicroBatch, Origin, Received } from '../pipeline/received';

/** Finds the key that records are sealed under; null once it has expired. */
export type FindKey = (id: string) => Promise<NamedKey | null>;

const refusalOf = (reason: 'key_expired' | 'unsealable'): Refusal => ({
  reason,
  rule: CURATION_REASONS[reason],
  path: '$',
});

/**
 * Opens what the gateway sealed. An item whose key has expired, or whose bytes are not as they were sealed, stays as it is
 * and says why. Rejects while a key cannot be had.
 */
export async function openItems(batch: MicroBatch, find: FindKey): Promise<MicroBatch> {
  const ids = new Set<string>();
  let last: Origin | null = null;
  for (const { origin } of batch.items) {
    if (origin === last) continue;
    last = origin;
    if (origin.headers.sealed !== undefined) ids.add(origin.headers.sealed);
  }
  if (ids.size === 0) return batch;
  const keys = new Map<string, NamedKey | null>();
  for (const id of ids) keys.set(id, await find(id));
  const origins = new Map<Origin, Origin | Refusal>();
  const items = batch.items.map((item): Received => {
    const { origin, value } = item;
    const id = origin.headers.sealed;
    if (id === undefined) return item;
    const key = keys.get(id);
    if (!key) return { ...item, unopened: refusalOf('key_expired') };
    let opened = origins.get(origin);
    if (!opened) origins.set(origin, (opened = openOrigin(origin, key)));
    if ('reason' in opened) return { ...item, unopened: opened };
    const bytes = tried(() => openValue(value, key));
    return bytes ? { ...item, origin: opened, value: bytes } : { ...item, unopened: refusalOf('unsealable') };
  });
  return { ...batch, items };
}

function openOrigin(origin: Origin, key: NamedKey): Origin | Refusal {
  const headers = tried(() => openHeaders(origin.headers, key)) as InboundHeaders | null;
  return headers ? { ...origin, headers, wasSealed: true } : refusalOf('unsealable');
}

/** Null for bytes that were not sealed under the key, or have been changed. */
function tried<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return null;
    throw error;
  }
}
