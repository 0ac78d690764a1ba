import { type Random, systemRandom } from '@millrace/observability';

/** A fresh append id: a random UUID (RFC 9562, version 4). */
export function newAppendId(random: Random = systemRandom): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
