import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { KeyError } from './errors';

/**
 * Tokens stand for values that must not be seen. Equal values under one key have equal tokens, so joins and distinct
 * counts keep working; without the key nobody can tell what a token stands for, nor try out guesses.
 *
 * `tok_<key id>_<22 characters>`: the first 128 bits of HMAC-SHA-256, which is not reversible.
 * `rev_<key id>_<…>`: deterministic authenticated encryption, which whoever holds the key can reverse. It is the SIV
 * construction (Rogaway and Shrimpton, 2006; RFC 5297 is its form over AES-CMAC) with HMAC-SHA-256 as its PRF: the first
 * 128 bits of the value's HMAC are the initial counter of AES-256-CTR, and are checked when it is opened.
 */
export interface TokenKey {
  /** As it stands in tokens: letters and digits. */
  readonly id: string;
  readonly mac: Buffer;
  /** Of reversible tokens. */
  readonly siv: Buffer;
  readonly encryption: Buffer;
}

/** Keys of a purpose each out of one random key: one of them tells nothing about another. */
export const derive = (key: Buffer, purpose: string): Buffer => createHmac('sha256', key).update(purpose).digest();

export const tokenKey = (id: string, key: Buffer): TokenKey => ({
  id,
  mac: derive(key, 'token mac'),
  siv: derive(key, 'token siv'),
  encryption: derive(key, 'token encryption'),
});

const TAG_BYTES = 16;
const TOKEN = /^(tok|rev)_([a-z0-9]{1,24})_([A-Za-z0-9_-]{22,})$/;

/** @param value as text; values of different types must differ, as JSON texts do */
export function token({ id, mac }: TokenKey, value: string): string {
  const digest = createHmac('sha256', mac).update(value).digest('base64url');
  // 22 characters of base64 are 132 bits.
  return `tok_${id}_${digest.slice(0, 22)}`;
}

export function reversibleToken({ id, siv, encryption }: TokenKey, value: string): string {
  const tag = tagOf(siv, value);
  const cipher = createCipheriv('aes-256-ctr', encryption, tag);
  const body = Buffer.concat([tag, cipher.update(value, 'utf8'), cipher.final()]);
  return `rev_${id}_${body.toString('base64url')}`;
}

/** What a token says of itself; null for a text that is none. */
export function parseToken(text: string): { readonly keyId: string; readonly reversible: boolean } | null {
  const match = TOKEN.exec(text);
  return match ? { keyId: match[2], reversible: match[1] === 'rev' } : null;
}

/** @throws KeyError KEY_MISMATCH for what is no reversible token under this key */
export function reverse({ siv, encryption }: TokenKey, text: string): string {
  const match = TOKEN.exec(text);
  if (match?.[1] !== 'rev') throw new KeyError('KEY_MISMATCH', 'this is no reversible token');
  const body = Buffer.from(match[3], 'base64url');
  const tag = body.subarray(0, TAG_BYTES);
  const decipher = createDecipheriv('aes-256-ctr', encryption, tag);
  const value = Buffer.concat([decipher.update(body.subarray(TAG_BYTES)), decipher.final()]).toString('utf8');
  if (!timingSafeEqual(tag, tagOf(siv, value)))
    throw new KeyError('KEY_MISMATCH', 'this token was made under another key');
  return value;
}

const tagOf = (siv: Buffer, value: string): Buffer =>
  createHmac('sha256', siv).update(value).digest().subarray(0, TAG_BYTES);
