import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '@millrace/observability';
import { open, seal } from './cipher';
import type { NamedKey } from './daily-keys';
import { KeyError } from './errors';

/** What sealing needs to know of records' headers. */
export interface SealableHeaders {
  /** Id of the key; absent for records in clear. */
  readonly sealed?: string;
  /** How the records' values were sealed together: `<iv>.<tag>.<bytes in all>`, the first two as base64url. */
  readonly seal?: string;
  /** What a producer sent beside the value. */
  readonly attributes?: string;
}

/** Records that share their headers, whose values are sealed as one. */
export interface SealedRecords<H> {
  readonly headers: H & { readonly sealed: string; readonly seal: string };
  /** In the order in which they were given; each a place (4 bytes) and ciphertext. */
  readonly values: readonly Buffer[];
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const PLACE_BYTES = 4;
/** A sealed value is longer than what is in it by this much. */
export const SEALED_RECORD_OVERHEAD_BYTES = PLACE_BYTES;
/** Bytes of the values of one group, at most: a place has to hold them. */
const GROUP_BYTES_MAX = 2 ** 32 - 1;

const aboutValues = (id: string): string => `records ${id}`;
const aboutAttributes = (id: string): string => `record attributes ${id}`;

/**
 * Seals the values of records as one text, AES-256-GCM: a cipher for each of them costs eight times as much as all else.
 * Each sealed value begins with its place in that text, so that records of a group which come without the others can be
 * opened too.
 */
export function sealRecords<H extends SealableHeaders>(
  headers: H,
  values: readonly Buffer[],
  { id, key }: NamedKey,
  random: Pick<Random, 'bytes'>,
): SealedRecords<H> {
  const bytes = values.reduce((sum, { length }) => sum + length, 0);
  if (bytes > GROUP_BYTES_MAX) throw new RangeError('too much to be sealed as one');
  const iv = Buffer.from(random.bytes(IV_BYTES));
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(aboutValues(id)));
  const hidden = cipher.update(values.length === 1 ? values[0] : Buffer.concat(values, bytes));
  cipher.final();
  const out = Buffer.allocUnsafe(bytes + values.length * PLACE_BYTES);
  let place = 0;
  const sealed = values.map(({ length }, i) => {
    const at = place + i * PLACE_BYTES;
    out.writeUInt32BE(place, at);
    out.set(hidden.subarray(place, place + length), at + PLACE_BYTES);
    place += length;
    return out.subarray(at, at + PLACE_BYTES + length);
  });
  const how = `${iv.toString('base64url')}.${cipher.getAuthTag().toString('base64url')}.${bytes}`;
  const attributes =
    headers.attributes === undefined
      ? undefined
      : seal(key, Buffer.from(headers.attributes), aboutAttributes(id), random).toString('base64');
  return {
    headers: { ...headers, sealed: id, seal: how, ...(attributes !== undefined && { attributes }) },
    values: sealed,
  };
}

/** Headers as they were before `sealRecords`. @throws KeyError KEY_MISMATCH */
export function openHeaders<H extends SealableHeaders>(headers: H, { id, key }: NamedKey): Omit<H, 'sealed' | 'seal'> {
  const { sealed: _sealed, seal: _seal, ...clear } = headers;
  if (clear.attributes === undefined) return clear;
  const attributes = open(key, Buffer.from(clear.attributes, 'base64'), aboutAttributes(id)).toString('utf8');
  return { ...clear, attributes };
}

/**
 * Values of records that share their headers, as they were before `sealRecords`, in the order in which they are given.
 * Whether they are as they were sealed can be told where all of them are given, and is then checked; a part of them is
 * only as safe as where it was kept: a damaged value yields other bytes.
 *
 * @throws KeyError KEY_MISMATCH
 */
export function openValues({ seal: how }: SealableHeaders, values: readonly Buffer[], { id, key }: NamedKey): Buffer[] {
  const { iv, tag, bytes } = parseSeal(how);
  const places = values.map((value) => placeOf(value, bytes));
  let end = 0;
  const whole = places.every((place, i) => {
    const follows = place === end;
    end = place + values[i].length - PLACE_BYTES;
    return follows;
  });
  if (!whole || end !== bytes)
    return values.map((value, i) => openPart(value.subarray(PLACE_BYTES), places[i], iv, key));
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  decipher.setAAD(Buffer.from(aboutValues(id)));
  decipher.setAuthTag(tag);
  const hidden = values.map((value) => value.subarray(PLACE_BYTES));
  const plain = decipher.update(hidden.length === 1 ? hidden[0] : Buffer.concat(hidden, bytes));
  try {
    decipher.final();
  } catch (cause) {
    throw new KeyError('KEY_MISMATCH', 'these records were sealed under another key, or changed since', { cause });
  }
  return places.map((place, i) => plain.subarray(place, place + hidden[i].length));
}

/** Without the others nothing can be authenticated; GCM encrypts by a counter, which begins at 2 (NIST SP 800-38D, 7.1). */
function openPart(hidden: Buffer, place: number, iv: Buffer, key: Buffer): Buffer {
  const within = place % BLOCK_BYTES;
  const counter = Buffer.alloc(BLOCK_BYTES);
  iv.copy(counter);
  counter.writeUInt32BE(2 + (place - within) / BLOCK_BYTES, IV_BYTES);
  const decipher = createDecipheriv('aes-256-ctr', key, counter);
  if (within > 0) decipher.update(Buffer.alloc(within));
  return decipher.update(hidden);
}

function placeOf(value: Buffer, bytes: number): number {
  const place = value.length < PLACE_BYTES ? Infinity : value.readUInt32BE();
  if (place + value.length - PLACE_BYTES > bytes)
    throw new KeyError('KEY_MISMATCH', 'this record is not sealed in a known way');
  return place;
}

const SEAL = /^([\w-]{16})\.([\w-]{22})\.(\d{1,10})$/;

function parseSeal(how: string | undefined): { iv: Buffer; tag: Buffer; bytes: number } {
  const match = SEAL.exec(how ?? '');
  if (!match) throw new KeyError('KEY_MISMATCH', 'these records are not sealed in a known way');
  const [iv, tag] = [Buffer.from(match[1], 'base64url'), Buffer.from(match[2], 'base64url')];
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES)
    throw new KeyError('KEY_MISMATCH', 'these records are not sealed in a known way');
  return { iv, tag, bytes: Number(match[3]) };
}
