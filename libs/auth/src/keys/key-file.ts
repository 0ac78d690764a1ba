import { isRole, isTenant, type Role } from '../principal';
import { KEY_ID } from './key-format';

/** What every service needs of a key to verify it, and nothing by which it could be used. */
export interface KeyEntry {
  readonly id: string;
  readonly tenant: string;
  readonly roles: readonly Role[];
  /** SHA-256 of the whole key, hexadecimal. */
  readonly hash: string;
  /** ISO-8601; null for never. */
  readonly expiresAt: string | null;
}

/** All keys in force at a version. Files are immutable and numbered; the newest holds, a key that it lacks is revoked. */
export interface KeyFile {
  readonly version: number;
  readonly keys: readonly KeyEntry[];
}

export const KEYS_PREFIX = 'keys/';
export const keyFilePath = (version: number): string => `${KEYS_PREFIX}${String(version).padStart(20, '0')}.json`;

/** The version of a path, or null for what is no key file. */
export function keyFileVersion(path: string): number | null {
  const match = /^keys\/(\d{20})\.json$/.exec(path);
  const version = Number(match?.[1]);
  return match && Number.isSafeInteger(version) ? version : null;
}

export const encodeKeyFile = (file: KeyFile): Buffer => Buffer.from(JSON.stringify(file));

/** @throws Error for what is no key file: whoever reads it keeps to the one before, and says so */
export function decodeKeyFile(bytes: Buffer): KeyFile {
  const file = JSON.parse(bytes.toString('utf8')) as Partial<KeyFile> | null;
  if (!Number.isSafeInteger(file?.version) || !Array.isArray(file?.keys)) throw new Error('this is no key file');
  return { version: file.version as number, keys: (file.keys as unknown[]).map(decodeEntry) };
}

function decodeEntry(value: unknown): KeyEntry {
  const { id, tenant, roles, hash, expiresAt } = (value ?? {}) as Record<string, unknown>;
  const wellFormed =
    typeof id === 'string' &&
    KEY_ID.test(id) &&
    isTenant(tenant) &&
    Array.isArray(roles) &&
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash) &&
    (expiresAt === null || (typeof expiresAt === 'string' && !Number.isNaN(Date.parse(expiresAt))));
  if (!wellFormed) throw new Error('an entry of the key file is not well-formed');
  // A role of a later version grants nothing here.
  return { id, tenant, roles: roles.filter(isRole), hash, expiresAt };
}
