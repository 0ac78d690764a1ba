import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '@millrace/observability';
import { KeyError } from './errors';

/** Bytes of every key. */
export const KEY_BYTES = 32;

const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Of sealed bytes: their layout, so that another may follow. */
const LAYOUT = 1;
const HEAD_BYTES = 1 + IV_BYTES;
/** Sealed bytes are longer than what is in them by this much. */
export const SEAL_OVERHEAD_BYTES = HEAD_BYTES + TAG_BYTES;

/**
 * Encrypts and authenticates (AES-256-GCM, NIST SP 800-38D): layout, 96 random bits, ciphertext, 128-bit tag. One key
 * may seal 2^32 texts; beyond that two of them may share their random bits, which would show how they differ.
 *
 * @param about bound to the text: opening it as anything else fails
 */
export function seal(key: Buffer, plain: Buffer, about: string, random: Pick<Random, 'bytes'>): Buffer {
  const sealed = Buffer.allocUnsafe(plain.length + SEAL_OVERHEAD_BYTES);
  sealInto(sealed, key, plain, about, random);
  return sealed;
}

/** As `seal`, into memory of SEAL_OVERHEAD_BYTES more than `plain`. */
export function sealInto(
  sealed: Buffer,
  key: Buffer,
  plain: Buffer,
  about: string,
  random: Pick<Random, 'bytes'>,
): void {
  if (sealed.length !== plain.length + SEAL_OVERHEAD_BYTES)
    throw new RangeError('not as long as what is sealed will be');
  sealed[0] = LAYOUT;
  sealed.set(random.bytes(IV_BYTES), 1);
  const cipher = createCipheriv('aes-256-gcm', key, sealed.subarray(1, HEAD_BYTES));
  cipher.setAAD(Buffer.from(about));
  sealed.set(cipher.update(plain), HEAD_BYTES);
  cipher.final();
  sealed.set(cipher.getAuthTag(), HEAD_BYTES + plain.length);
}

/** @throws KeyError KEY_MISMATCH when the bytes were sealed under another key or about something else, or were changed */
export function open(key: Buffer, sealed: Buffer, about: string): Buffer {
  if (sealed.length < SEAL_OVERHEAD_BYTES || sealed[0] !== LAYOUT)
    throw new KeyError('KEY_MISMATCH', 'these bytes are not sealed in a known way');
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, HEAD_BYTES));
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(HEAD_BYTES, end));
  try {
    decipher.final();
  } catch (cause) {
    throw new KeyError('KEY_MISMATCH', 'these bytes were sealed under another key, or changed since', { cause });
  }
  return plain;
}
