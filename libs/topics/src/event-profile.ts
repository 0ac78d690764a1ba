/**
 * What the events of a batch looked like that have tenant, source, type and contract in common: counted for each field,
 * whether they landed or not, so that drift from the contract can be told and unknown types be inferred. Bounded: what
 * finds no room is counted.
 */
export interface EventProfile {
  readonly tenant: string;
  /** Where they came in, as in the counts: `http`, `webhook:github`, … */
  readonly source: string;
  readonly eventType: string;
  /** `name@version` that they were checked against; null where the type has none. */
  readonly contract: string | null;
  readonly events: number;
  /** The payload itself is the first; a field of an object comes after the object. */
  readonly fields: readonly FieldProfile[];
  /** Values of fields that found no room. */
  readonly overflow: number;
}

/** Counts that are absent are 0. A field is missing as often as its object is one and the field is not counted. */
export interface FieldProfile {
  /** From the event: `$.payload.geo.lat`. Elements of lists are not told apart from their list. */
  readonly path: string;
  readonly nulls?: number;
  readonly booleans?: number;
  /** Whole numbers of at most 2^53. */
  readonly integers?: number;
  readonly bigIntegers?: number;
  readonly fractions?: number;
  readonly strings?: number;
  readonly objects?: number;
  readonly arrays?: number;
  /** Of numbers. */
  readonly min?: number;
  readonly max?: number;
  /** UTF-16 code units of the longest text, elements of the longest list. */
  readonly longest?: number;
  /** Texts that were looked at for their form, and how many of them had which. */
  readonly sampled?: number;
  readonly dates?: number;
  readonly timestamps?: number;
  /** The object has more fields than there is room for: names that are data, such as ids. */
  readonly wide?: true;
}
