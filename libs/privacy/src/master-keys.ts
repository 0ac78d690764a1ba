/** A key as it is stored: encrypted under a master key. */
export interface WrappedKey {
  /** Name of the master key. */
  readonly by: string;
  readonly bytes: Buffer;
}

/**
 * What keeps the master keys, which never leave it: a local file, or a key management service. Only the few keys at the
 * top of the hierarchy are wrapped by it, so a call may take as long as one over the network does.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - What was wrapped is unwrapped to the same bytes, under the same context only.
 * - Older master keys unwrap what they wrapped, for as long as they are kept; new keys are wrapped by the newest.
 */
export interface MasterKeys {
  /** @throws KeyError KEY_MASTER_UNAVAILABLE, KEY_MASTER_MISSING */
  wrap(key: Buffer, context: string): Promise<WrappedKey>;
  /** @throws KeyError KEY_MASTER_UNAVAILABLE, KEY_MASTER_MISSING, KEY_MISMATCH */
  unwrap(wrapped: WrappedKey, context: string): Promise<Buffer>;
}
