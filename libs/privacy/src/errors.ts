export type KeyErrorCode =
  /** What keeps the master key is away. */
  | 'KEY_MASTER_UNAVAILABLE'
  /** No master key is configured, or none of the name that a key was wrapped under. */
  | 'KEY_MASTER_MISSING'
  /** The bytes were not sealed under this key, or have been changed since. */
  | 'KEY_MISMATCH'
  /** The key is not there although it is not old enough to have expired. */
  | 'KEY_ABSENT';

/** A failure of keys. `canRetry`: it ends once somebody mends what is away or missing; no event is to blame. */
export class KeyError extends Error {
  readonly canRetry: boolean;
  constructor(
    readonly code: KeyErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'KeyError';
    this.canRetry = code !== 'KEY_MISMATCH';
  }
}
