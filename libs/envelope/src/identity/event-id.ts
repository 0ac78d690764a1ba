import { createHash } from 'node:crypto';

/** Milliseconds since the epoch. */
export interface IdClock {
  now(): number;
}

export interface IdRandom {
  bytes(count: number): Buffer;
}

/** A new UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, 74 random bits. Sorts by time; within a millisecond at random. */
export function mintEventId(clock: IdClock, random: IdRandom): string {
  const id = Buffer.alloc(16);
  id.writeUIntBE(Math.max(0, Math.floor(clock.now())), 0, 6);
  random.bytes(10).copy(id, 6);
  return formatUuid(id, 7);
}

/**
 * The id that the item `index` of a request has under its Idempotency-Key: the same for every repetition of the request,
 * another for any other tenant, route, key or index. A UUIDv8 (RFC 9562, 5.8) of their SHA-256; each part is preceded by
 * its length, so that no two lists of parts read alike.
 */
export function derivedEventId(tenant: string, route: string, key: string, index: number): string {
  const hash = createHash('sha256');
  for (const part of [tenant, route, key, String(index)]) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return formatUuid(hash.digest().subarray(0, 16), 8);
}

function formatUuid(id: Buffer, version: number): string {
  id[6] = (id[6] & 0x0f) | (version << 4);
  id[8] = (id[8] & 0x3f) | 0x80;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
