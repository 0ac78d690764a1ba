import { KeyError, type NamedKey, openHeaders, openValues } from '@millrace/privacy';
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
  const items = [...batch.items];
  for (const [origin, places] of sealedOrigins(items)) {
    const key = keys.get(origin.headers.sealed as string);
    const opened = key
      ? openGroup(
          origin,
          places.map((i) => items[i].value),
          key,
        )
      : refusalOf('key_expired');
    places.forEach((i, nth) => {
      items[i] =
        'reason' in opened
          ? { ...items[i], unopened: opened }
          : { ...items[i], origin: opened.origin, value: opened.values[nth] };
    });
  }
  return { ...batch, items };
}

/** Places of items by their sealed origin: values of one request were sealed together. */
function sealedOrigins(items: readonly Received[]): ReadonlyMap<Origin, number[]> {
  const found = new Map<Origin, number[]>();
  let last: Origin | null = null;
  let places: number[] = [];
  items.forEach(({ origin }, i) => {
    if (origin.headers.sealed === undefined) return;
    if (origin !== last) {
      last = origin;
      const known = found.get(origin);
      if (known) places = known;
      else found.set(origin, (places = []));
    }
    places.push(i);
  });
  return found;
}

function openGroup(
  origin: Origin,
  values: readonly Buffer[],
  key: NamedKey,
): { readonly origin: Origin; readonly values: readonly Buffer[] } | Refusal {
  try {
    const headers = openHeaders(origin.headers, key) as InboundHeaders;
    return { origin: { ...origin, headers, wasSealed: true }, values: openValues(origin.headers, values, key) };
  } catch (error) {
    // Not sealed under this key, or changed since.
    if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return refusalOf('unsealable');
    throw error;
  }
}
