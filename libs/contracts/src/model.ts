import type { QualityRules } from './quality/model';
import type { Privacy } from './privacy';
import type { Retention } from './retention';

/**
 * A data contract as Millrace uses it: the parts of an Open Data Contract Standard 3.1 document that decide what lands,
 * checked and with defaults filled in. The whole document stays available as `document`.
 */
export interface Contract {
  /** The document's `id`: stable over versions. */
  readonly id: string;
  /** The document's `name`: `[a-z][a-z0-9_.-]*`, at most 100 characters. Names the contract in paths and columns. */
  readonly name: string;
  readonly version: string;
  readonly status: string;
  readonly doc: string;
  /** Event types that must satisfy this contract. */
  readonly eventTypes: readonly string[];
  /** Table id, `clean.<name>`. */
  readonly table: string;
  readonly properties: readonly Property[];
  readonly dedupe: Dedupe;
  /** Where the payload names the event's subject; segments from the payload. */
  readonly subjectPath: readonly string[] | null;
  /** Where the payload names the event's own time, for events whose envelope has none; segments from the payload. */
  readonly eventTimePath: readonly string[] | null;
  /** Where the payload names the facility that windows count by; segments from the payload. */
  readonly facilityPath: readonly string[] | null;
  /** Events later than this are counted as late; null where the contract is silent. */
  readonly latenessSeconds: number | null;
  readonly drift: DriftPolicy;
  /** Null for a contract that a person wrote. */
  readonly inferred: InferredState | null;
  /** What is looked up in dimensions for each event. */
  readonly enrichments: readonly Enrichment[];
  /** Rules beyond what each field must be by itself. */
  readonly quality: QualityRules;
  /** What is personal data beside the classification of fields; null or absent where the contract says nothing of it. */
  readonly privacy?: Privacy | null;
  /** How long its rows are kept; null or absent where the contract is silent: for good. */
  readonly retention?: Retention | null;
  /** The parsed YAML. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Made of what events looked like, and whether a person has taken responsibility for it since. */
export type InferredState = 'unreviewed' | 'adopted';

export type UnknownFieldPolicy = 'ignore' | 'warn' | 'evolve' | 'quarantine' | 'reject';

/** What becomes of events that look otherwise than the contract says. */
export interface DriftPolicy {
  /**
   * Of fields that the contract does not list: `ignore` and `warn` leave them in the payload, and `warn` reports them;
   * `evolve` makes them columns of a new version; `quarantine` sets the event aside; `reject` does so too, and refuses it
   * at the gateway where the producer asks for strict checking.
   */
  readonly policy: UnknownFieldPolicy;
  /**
   * Of values that do not fit the type of their column, where the field is not required: the event is quarantined, or
   * lands with the value in the column `_recovered`.
   */
  readonly typeClash: 'quarantine' | 'recover';
}

/** Columns that an event gets from the version of a dimension's key that was in force at its event time. */
export interface Enrichment {
  readonly dimension: string;
  /** Where the payload names the key; segments from the payload. */
  readonly keyPath: readonly string[];
  readonly columns: readonly EnrichedColumn[];
  /** Boolean column: the event names no key, or one that the dimension does not have at that time. */
  readonly missing: string;
}

export interface EnrichedColumn {
  readonly name: string;
  /** The dimension's attribute. */
  readonly from: string;
  /** Delta's name. An attribute of another type makes a null, except that anything makes a string. */
  readonly type: 'string' | 'long' | 'double' | 'boolean';
}

export type DedupeStrategy = 'event_id' | 'content' | 'business_key';

/** When two events are one. */
export interface Dedupe {
  readonly strategy: DedupeStrategy;
  /**
   * Keys are compared within a scope. By event id the default is `events`, shared with events that have no contract, so
   * that a first contract for a type does not forget what was seen before it; otherwise it is the contract's name.
   */
  readonly scope: string;
  /** Repeats are recognised for this many days. */
  readonly windowDays: number;
  /** The parts of a business key: segments from the event, e.g. `['payload', 'shipment_id']` or `['event_time']`. */
  readonly paths?: readonly (readonly string[])[];
}

export type LogicalType =
  'string' | 'date' | 'timestamp' | 'time' | 'number' | 'integer' | 'object' | 'array' | 'boolean';

/** A field of the payload. */
export interface Property {
  readonly name: string;
  /** Column name, where the contract gives one; else names are joined with `_`. */
  readonly physicalName: string | null;
  readonly logicalType: LogicalType;
  /** Set for `number` with physicalType `decimal(precision, scale)`. */
  readonly decimal: { readonly precision: number; readonly scale: number } | null;
  /** Present and not null. */
  readonly required: boolean;
  /** Set for a field that must be sent though it may be null. */
  readonly present?: true;
  /**
   * `restricted`, `pii`, `personal` and `sensitive` values are stored as tokens; `restricted` fields get no column.
   * Inherited from the enclosing object.
   */
  readonly classification: string | null;
  readonly doc: string;
  readonly limits: Limits;
  /** The only values allowed (quality metric invalidValues with validValues and `mustBe: 0`). */
  readonly values: readonly (string | number | boolean)[] | null;
  /** Fields of an object; empty for an object whose fields are free. */
  readonly properties: readonly Property[];
  /** Set for a `string` that takes any JSON value: its column has texts as they are, and other values as JSON. */
  readonly anyValue?: true;
  /** Element of an array; null where elements are free. */
  readonly items: Property | null;
}

/** The standard's logicalTypeOptions, as far as the logical type has them. */
export interface Limits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly exclusiveMinimum?: number | string;
  readonly exclusiveMaximum?: number | string;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}
