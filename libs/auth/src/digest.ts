import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * SHA-256 of a secret. Fast on purpose: our secrets are random, of 128 bits or more, so that there is nothing to guess
 * from a hash; a slow hash (bcrypt, argon2) is for what people choose, and would let anyone spend our CPU by sending
 * wrong ones.
 */
export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Equal in a time that tells nothing of where they differ. */
export const sameDigest = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** One of the digests equals this; all are looked at, whichever it is. */
export function amongDigests(digest: Buffer, known: readonly Buffer[]): boolean {
  let found = false;
  for (const each of known) found = sameDigest(digest, each) || found;
  return found;
}
