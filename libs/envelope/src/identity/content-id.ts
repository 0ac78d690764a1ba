import { createHash } from 'node:crypto';
import { canonicalize } from '../json/canonical';

/**
 * SHA-256 of the RFC 8785 form of a decoded event, 64 hex digits: the id of an event that came without one. Integers
 * beyond 2^53 must come as bigints (`parseLossless`), or two events that differ in their last digits get one id.
 */
export function contentId(value: unknown): string {
  return createHash('sha256').update(canonicalize(value)).digest('hex');
}
