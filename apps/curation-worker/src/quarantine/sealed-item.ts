import type { Random } from '@millrace/observability';
import { type NamedKey, open, seal } from '@millrace/privacy';
import type { InboundHeaders } from '@millrace/topics';

/** A quarantined item: its exact bytes, and what was known beside them when it was accepted. */
export interface QuarantinedBytes {
  readonly headers: InboundHeaders;
  readonly raw: Buffer;
}

/** As a row holds it: sealed under the key of that id, or in clear where there is none. */
export interface StoredBytes extends QuarantinedBytes {
  readonly sealedBy: string | null;
}

const aboutItem = (keyId: string): string => `quarantine ${keyId}`;
const LENGTH_BYTES = 4;

/** Seals an item with its headers. Of those the ones stay to be seen that say nothing of anybody. */
export function sealItem(
  { headers, raw }: QuarantinedBytes,
  { id, key }: NamedKey,
  random: Pick<Random, 'bytes'>,
): StoredBytes {
  const { format, tenant, source, at } = headers;
  const json = Buffer.from(JSON.stringify(headers));
  const plain = Buffer.allocUnsafe(LENGTH_BYTES + json.length + raw.length);
  plain.writeUInt32BE(json.length);
  json.copy(plain, LENGTH_BYTES);
  raw.copy(plain, LENGTH_BYTES + json.length);
  return { headers: { format, tenant, source, at }, raw: seal(key, plain, aboutItem(id), random), sealedBy: id };
}

/** An item as a row holds it: sealed where there is a key for it. */
export const storedBytes = (
  item: QuarantinedBytes,
  key: NamedKey | null,
  random: Pick<Random, 'bytes'>,
): StoredBytes => (key ? sealItem(item, key, random) : { ...item, sealedBy: null });

/** @throws KeyError KEY_MISMATCH */
export function openItem(sealed: Buffer, { id, key }: NamedKey): QuarantinedBytes {
  const plain = open(key, sealed, aboutItem(id));
  const body = LENGTH_BYTES + plain.readUInt32BE();
  return {
    headers: JSON.parse(plain.toString('utf8', LENGTH_BYTES, body)) as InboundHeaders,
    raw: plain.subarray(body),
  };
}
