/**
 * Compatibility modes, as schema registries know them. A reader of one version is "able to read" another version when it
 * accepts every event that a producer of that other version may send.
 *
 * - BACKWARD: readers of the proposed version can read events of the newest earlier one.
 * - FORWARD: readers of the newest earlier version can read events of the proposed one.
 * - FULL: both. `_TRANSITIVE`: against every earlier version, not the newest only. NONE: anything goes.
 */
export const COMPATIBILITY_MODES = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;

export type CompatibilityMode = (typeof COMPATIBILITY_MODES)[number];

/** Which promise a change breaks: `backward`, new readers refuse old events; `forward`, old readers refuse new events. */
export type Breaks = 'backward' | 'forward';

/** One reason why two versions do not go together. */
export interface Finding {
  /** Where, in the event: `$.payload.status` of a contract, `$.status` of a schema; `[*]` stands for any element. */
  readonly path: string;
  /** Stable id of the rule, e.g. `required_added`; see rules.ts. */
  readonly rule: FindingRule;
  /** What changed and whom it breaks, in a sentence or two. */
  readonly message: string;
  readonly breaks: Breaks;
  /** How the proposed version could be mended. */
  readonly suggestion: string;
  /**
   * A payload (of a contract) or a whole value (of a schema) that the writer accepts and the reader refuses, both seen
   * by their compiled validators; null under the rule `not_proved` only, where no such value was found and none could be
   * excluded. Of an Avro schema it is in Avro's JSON encoding.
   */
  readonly counterExample: CounterExample | null;
}

export interface CounterExample {
  readonly value: unknown;
}

export interface ComparedVersion {
  readonly version: string;
  /** Empty when the proposed version goes together with this one; {@link FINDINGS_MAX} at most. */
  readonly findings: readonly Finding[];
}

export interface Verdict {
  readonly compatible: boolean;
  readonly mode: CompatibilityMode;
  /** The versions that the mode looks at, newest first. */
  readonly against: readonly ComparedVersion[];
  /** What else the change does to what is there; it makes no version incompatible. Absent where there is nothing to say. */
  readonly notes?: readonly VerdictNote[];
}

/** Something to know before a version is published. */
export interface VerdictNote {
  /** Where, in the contract. */
  readonly path: string;
  readonly message: string;
}

/** Findings per version; a producer who mends these asks again. */
export const FINDINGS_MAX = 100;

/** What may be wrong between a writer's and a reader's version. */
export const FINDING_RULES = {
  field_required: 'The reader requires a field that the writer may leave out',
  null_refused: 'The writer may send null, which the reader refuses',
  type_changed: 'The writer may send a type that the reader refuses',
  value_refused: 'The writer may send a value that is not among the values of the reader',
  range_narrowed: 'The writer may send a number or time outside the range of the reader',
  multiple_of: 'The writer may send a number that is no multiple, or has more digits, than the reader takes',
  length_narrowed: 'The writer may send a text, list or object that is too short or too long for the reader',
  pattern: 'The writer may send a text that does not match the pattern of the reader',
  format: 'The writer may send a text that is not of the format of the reader',
  duplicates_refused: 'The writer may send a list that holds a value twice, which the reader refuses',
  field_refused: 'The writer may send a field that the reader does not allow',
  keyword: 'The reader has a rule, beyond single fields, that an event of the writer breaks',
  name_changed: 'A named Avro type has another name, so that it is another type',
  size_changed: 'An Avro fixed has another size',
  symbol_removed: 'The writer may send an enum symbol that the reader does not know and has no default for',
  default_missing: 'The reader has a field that the writer does not send, without a default',
  not_proved: 'It could not be proved that the reader accepts every event of the writer',
} as const;

export type FindingRule = keyof typeof FINDING_RULES;

/** What the comparison of one reader with one writer comes to, before it is put into words for either side. */
export interface Difference {
  readonly path: string;
  readonly rule: FindingRule;
  /** What the writer may do, a clause: `may leave out order_id`. */
  readonly writer: string;
  /** What the reader does about it, a clause: `requires it`. */
  readonly reader: string;
  /** How the reader would have to change, and how the writer: either may be the proposed version. */
  readonly mendReader: string;
  readonly mendWriter: string;
  readonly counterExample: CounterExample | null;
}
