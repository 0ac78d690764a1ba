import type { Random } from '@millrace/observability';
import { open, seal } from './cipher';
import type { NamedKey } from './daily-keys';

/** What sealing needs to know of a record's headers. */
export interface SealableHeaders {
  /** Id of the key; absent for a record in clear. */
  readonly sealed?: string;
  /** What a producer sent beside the value. */
  readonly attributes?: string;
}

const aboutValue = (id: string): string => `record ${id}`;
const aboutAttributes = (id: string): string => `record attributes ${id}`;

/** Headers of records whose values are sealed under the key: they name it, and show no attributes. */
export function sealHeaders<H extends SealableHeaders>(
  headers: H,
  { id, key }: NamedKey,
  random: Pick<Random, 'bytes'>,
): H & { readonly sealed: string } {
  const { attributes } = headers;
  if (attributes === undefined) return { ...headers, sealed: id };
  const hidden = seal(key, Buffer.from(attributes), aboutAttributes(id), random).toString('base64');
  return { ...headers, sealed: id, attributes: hidden };
}

export const sealValue = (value: Buffer, { id, key }: NamedKey, random: Pick<Random, 'bytes'>): Buffer =>
  seal(key, value, aboutValue(id), random);

/** Headers as they were before `sealHeaders`. @throws KeyError KEY_MISMATCH */
export function openHeaders<H extends SealableHeaders>(headers: H, { id, key }: NamedKey): Omit<H, 'sealed'> {
  const { sealed: _sealed, ...clear } = headers;
  if (clear.attributes === undefined) return clear;
  const attributes = open(key, Buffer.from(clear.attributes, 'base64'), aboutAttributes(id)).toString('utf8');
  return { ...clear, attributes };
}

/** @throws KeyError KEY_MISMATCH */
export const openValue = (value: Buffer, { id, key }: NamedKey): Buffer => open(key, value, aboutValue(id));
