import type { Between } from '../temporal';

/**
 * What values a schema lets through, in a form that schemas of any kind translate into and that can be compared. A shape
 * has alternatives (JSON Schema's `anyOf`); an alternative has one part per JSON type, since all keywords of JSON Schema
 * and all options of contracts speak about one type each.
 */
export interface Shape {
  readonly alternatives: readonly Alternative[];
}

/** Gives the same shape each time; made on demand, so that schemas may contain themselves. */
export type LazyShape = () => Shape;

/** A part that is null or empty lets nothing of its type through. */
export interface Alternative {
  readonly nulls: boolean;
  readonly booleans: readonly boolean[];
  readonly numbers: Numbers | null;
  readonly strings: Strings | null;
  readonly arrays: Arrays | null;
  readonly objects: Objects | null;
  /** Only these values, as far as the parts let them through. */
  readonly values: readonly unknown[] | null;
  /** Rules that are known to be there but cannot be compared, other than for being equal. */
  readonly opaque: readonly OpaqueRule[];
}

export interface OpaqueRule {
  readonly keyword: string;
  /** Canonical JSON. */
  readonly text: string;
}

/** Doubles from `least` to `most`, both included, on every one of the steps. */
export interface Numbers {
  readonly least: number;
  readonly most: number;
  readonly steps: readonly Step[];
}

/** Whole multiples of `of`, or numbers of `places` decimal places. */
export type Step = { readonly of: number } | { readonly places: number };

/** Lengths count code points. */
export interface Strings {
  readonly min: number;
  readonly max: number;
  /** ECMA-262 with Unicode, unanchored. */
  readonly patterns: readonly string[];
  /** Names of formats.ts in this folder. */
  readonly formats: readonly string[];
  readonly between: readonly Between[];
}

export interface Arrays {
  readonly min: number;
  readonly max: number;
  readonly unique: boolean;
  /** Elements by position; those behind are `items`. */
  readonly prefix: readonly LazyShape[];
  /** Null: anything. */
  readonly items: LazyShape | null;
}

export interface Objects {
  readonly min: number;
  readonly max: number;
  readonly fields: ReadonlyMap<string, FieldShape>;
  /** Fields whose names match. */
  readonly matching: readonly { readonly pattern: string; readonly shape: LazyShape }[];
  /** Fields that are neither listed nor matched: whatever they are, none, or those of a shape. */
  readonly others: 'any' | 'none' | LazyShape;
}

export interface FieldShape {
  readonly shape: LazyShape;
  readonly required: boolean;
}

export const NUMBERS_ALL: Numbers = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE, steps: [] };
export const STRINGS_ALL: Strings = { min: 0, max: Infinity, patterns: [], formats: [], between: [] };
export const ARRAYS_ALL: Arrays = { min: 0, max: Infinity, unique: false, prefix: [], items: null };
export const OBJECTS_ALL: Objects = { min: 0, max: Infinity, fields: new Map(), matching: [], others: 'any' };

export const NOTHING: Alternative = {
  nulls: false,
  booleans: [],
  numbers: null,
  strings: null,
  arrays: null,
  objects: null,
  values: null,
  opaque: [],
};

export const ANYTHING: Alternative = {
  ...NOTHING,
  nulls: true,
  booleans: [true, false],
  numbers: NUMBERS_ALL,
  strings: STRINGS_ALL,
  arrays: ARRAYS_ALL,
  objects: OBJECTS_ALL,
};

export const ANY_SHAPE: Shape = { alternatives: [ANYTHING] };
