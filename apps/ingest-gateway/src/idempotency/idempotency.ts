/** A stored answer. `text` is exactly what was sent. */
export interface StoredAnswer {
  readonly status: number;
  readonly text: string;
}

export type Begun =
  /** This request is the first, or takes over from one taken for dead; `turn` tells it from those before. */
  | { readonly outcome: 'first'; readonly turn: string }
  | { readonly outcome: 'replay'; readonly answer: StoredAnswer }
  | { readonly outcome: 'in_flight' }
  | { readonly outcome: 'mismatch' };

export interface KeyId {
  readonly tenant: string;
  /** Method and path, so that the same key on two routes is two keys. */
  readonly route: string;
  readonly key: string;
}

/**
 * Remembers the first answer under an Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header).
 *
 * It saves the client from a second answer, it is not what keeps events from landing twice: ids minted under a key
 * derive from it, so that a request repeated after a crash makes the same events again and dedupe drops them.
 *
 * Every method rejects with an error whose `canRetry` is true while the store cannot be reached.
 */
export interface IdempotencyStore {
  /** Times are the store's own, so that gateways whose clocks differ agree on who is dead and what has expired. */
  begin(id: KeyId, requestHash: Buffer): Promise<Begun>;
  /** Keeps the answer; does nothing when another has taken over. */
  complete(id: KeyId, turn: string, answer: StoredAnswer): Promise<void>;
  /** Forgets a request that came to no answer worth repeating (503), so that the next one is tried at once. */
  abandon(id: KeyId, turn: string): Promise<void>;
  /** Removes answers older than the store's time to live. Returns how many. */
  prune(): Promise<number>;
}

/** The store cannot be reached now. */
export class IdempotencyUnavailable extends Error {
  readonly code = 'IDEMPOTENCY_UNAVAILABLE';
  readonly canRetry = true;
}
