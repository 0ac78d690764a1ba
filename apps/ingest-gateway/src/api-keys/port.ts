import type { Role } from '@millrace/auth';

/** An API key as it is known here: everything but the key. */
export interface KeyRecord {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** SHA-256 of the whole key. */
  readonly hash: Buffer;
  readonly createdAt: Date;
  /** Subject of the principal that made it. */
  readonly createdBy: string;
  /** Null for never. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** To within some minutes; null where it was never used. */
  readonly lastUsedAt: Date | null;
}

/** Told to others once the change is committed. */
export interface KeyMessage {
  /** UUID. */
  readonly id: string;
  readonly topic: string;
  readonly body: object;
}

/** One change of keys, alone with them: others wait until it is over. */
export interface KeyChange {
  /** Of the newest key file that a committed change wrote. */
  readonly version: number;
  insert(record: KeyRecord): Promise<void>;
  /** Null where the tenant has no such key, or it was revoked before. */
  revoke(tenant: string, id: string, at: Date): Promise<KeyRecord | null>;
  /** Neither revoked nor expired, by id. */
  live(now: Date): Promise<KeyRecord[]>;
  count(tenant: string, now: Date): Promise<number>;
  published(version: number): Promise<void>;
  leave(messages: readonly KeyMessage[]): Promise<void>;
}

/** Where keys are kept. Every method rejects with an error whose `canRetry` is true while it cannot be reached. */
export interface KeyStore {
  /** Runs `work` in a transaction. What it leaves is sent if and only if the transaction commits. */
  change<T>(work: (change: KeyChange) => Promise<T>): Promise<T>;
  version(): Promise<number>;
  /** A tenant's keys after `after`, newest first. */
  list(
    tenant: string,
    after: { readonly createdAt: Date; readonly id: string } | null,
    limit: number,
  ): Promise<KeyRecord[]>;
  /** Times move forward only. */
  noteUses(uses: ReadonlyMap<string, number>): Promise<void>;
  /** Forgets keys that have been of no use since `before`. Returns how many. */
  forget(before: Date): Promise<number>;
}

export class KeyStoreUnavailable extends Error {
  readonly code = 'API_KEYS_UNAVAILABLE';
  readonly canRetry = true;
}
