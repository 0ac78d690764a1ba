import { createHash } from 'node:crypto';

/** A stored answer. `body` is the exact text that was sent. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: string;
}

export type Begun =
  | { readonly outcome: 'first' }
  | { readonly outcome: 'replay'; readonly answer: StoredAnswer }
  | { readonly outcome: 'in_flight'; readonly retryAfterSeconds: number }
  | { readonly outcome: 'mismatch' };

export interface IdempotencyKeyId {
  readonly tenant: string;
  readonly route: string;
  readonly key: string;
}

/**
 * Remembers the first answer under an Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header).
 *
 * It saves the client from a second answer, it is not what keeps events from landing twice: ids minted under a key
 * derive from it, so that a request repeated after a crash makes the same events again and dedupe drops them.
 */
export interface IdempotencyStore {
  begin(id: IdempotencyKeyId, requestHash: Buffer): Promise<Begun>;
  /** Keeps the answer for `ttl`. */
  complete(id: IdempotencyKeyId, answer: StoredAnswer): Promise<void>;
  /** Forgets a request that came to no answer worth repeating (503), so that the next one is tried at once. */
  abandon(id: IdempotencyKeyId): Promise<void>;
  /** Removes answers older than the store's time to live. Returns how many. */
  prune(): Promise<number>;
}

/** Visible ASCII, as header values have it; longer keys are refused. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;

export function isIdempotencyKey(key: string): boolean {
  return key.length > 0 && key.length <= IDEMPOTENCY_KEY_CHARS_MAX && /^[\x21-\x7e]+$/.test(key);
}

/** Equal for equal requests: content type (it decides how the body is read), query and body. */
export function requestHash(contentType: string, query: string, body: Buffer): Buffer {
  return createHash('sha256').update(contentType).update('\0').update(query).update('\0').update(body).digest();
}
