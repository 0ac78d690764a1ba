/** What an attribute of a dimension may be; Delta's names. */
export type AttributeType = 'string' | 'long' | 'double' | 'boolean';

export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
}

export type Value = string | number | boolean | null;

/** From this instant on a key has these values, until its next version. */
export interface Version {
  /** Milliseconds since 1970; `BEGINNING` for a key's first version unless its load says otherwise. */
  readonly fromMs: number;
  /** Values in the order of the attributes as a JSON array without trailing nulls; null from when the key is no more. */
  readonly values: string | null;
}

/** 0001-01-01, the earliest instant that all warehouses hold: facts may be older than what describes them. */
export const BEGINNING = Date.UTC(2001, 0, 1) - 730_485 * 86_400_000;

/** How a value array is written, so that equal ones are equal texts whatever attributes were added since. */
export function encodeValues(values: readonly Value[]): string {
  let length = values.length;
  while (length > 0 && values[length - 1] === null) length--;
  return JSON.stringify(length === values.length ? values : values.slice(0, length));
}

/** A version of a dimension: which file has its history. Versions are numbered from 1. */
export interface DimensionEntry {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  /** Storage path of the history file. */
  readonly path: string;
  readonly keyColumn: string;
  /** Attributes are added at the end and never change their type. */
  readonly attributes: readonly Attribute[];
  /** Keys that it has or had. */
  readonly keys: number;
  readonly loadedAt: string;
}

export const DIMENSION_LIMITS = {
  /** Bytes of one load. */
  bytesMax: 128 << 20,
  rowsMax: 5_000_000,
  /** Versions of all keys together. */
  versionsMax: 20_000_000,
  attributesMax: 100,
  keyCharsMax: 256,
  /** Characters of a text value. */
  valueCharsMax: 8_192,
  /** Dimensions of a tenant. */
  dimensionsMax: 100,
} as const;
