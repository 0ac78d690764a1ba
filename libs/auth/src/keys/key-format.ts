import { crc32 } from 'node:zlib';

/**
 * An API key: `mlr_<id>_<secret><checksum>`.
 * - `mlr_` lets scanners of code and logs recognise it (`mlr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}`), and the checksum lets
 *   them tell a key from what only looks like one without asking us.
 * - the id is public: it names the key in lists, logs and audit records.
 * - the secret has 32 characters of 62, 190 bits.
 */
export const KEY_PREFIX = 'mlr_';
const ID_CHARS = 12;
const SECRET_CHARS = 32;
const CHECKSUM_CHARS = 6;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = new RegExp(`^mlr_([0-9A-Za-z]{${ID_CHARS}})_[0-9A-Za-z]{${SECRET_CHARS + CHECKSUM_CHARS}}$`);
export const KEY_CHARS = KEY_PREFIX.length + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS;

export const KEY_ID = new RegExp(`^[0-9A-Za-z]{${ID_CHARS}}$`);

export interface MintedKey {
  readonly id: string;
  /** The whole key; shown once, kept nowhere. */
  readonly key: string;
}

/** @param random cryptographically strong */
export function mintKey(random: { bytes(count: number): Buffer }): MintedKey {
  const id = characters(random, ID_CHARS);
  const body = `${KEY_PREFIX}${id}_${characters(random, SECRET_CHARS)}`;
  return { id, key: body + checksumOf(body) };
}

/** The id of a key, or null for what is none: wrong form or checksum. Says nothing of whether it is known. */
export function keyIdOf(text: string): string | null {
  if (text.length !== KEY_CHARS) return null;
  const match = FORM.exec(text);
  if (!match) return null;
  const body = text.slice(0, -CHECKSUM_CHARS);
  return text.slice(-CHECKSUM_CHARS) === checksumOf(body) ? match[1] : null;
}

/** CRC-32 in base 62, most significant first. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < CHECKSUM_CHARS; i++) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Uniform: bytes from 248 on, the last multiple of 62, are drawn again. */
function characters(random: { bytes(count: number): Buffer }, count: number): string {
  let text = '';
  while (text.length < count) {
    for (const byte of random.bytes(count)) if (byte < 248 && text.length < count) text += ALPHABET[byte % 62];
  }
  return text;
}
