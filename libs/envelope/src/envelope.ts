/**
 * The canonical envelope, as an event is between decoding and staging. Column names of `clean.events` in snake case.
 */
export interface Envelope {
  /** 1-512 characters without control characters. */
  readonly eventId: string;
  /** True where the id is the content id (SHA-256 of the RFC 8785 form), not the producer's. */
  readonly idFromContent: boolean;
  readonly eventType: string;
  readonly eventVersion: number;
  /** Normalised ISO-8601 UTC, up to microseconds, as DuckDB reads it. */
  readonly eventTime: string;
  readonly producerTime: string | null;
  /** Accept time. */
  readonly ingestTime: string;
  readonly source: string;
  readonly traceId: string | null;
  readonly tenantId: string;
  readonly subject: string | null;
  /** The payload as a JavaScript value, for validation. Integers beyond 2^53 are rounded here, not in `payloadJson`. */
  readonly payload: unknown;
  /** The payload as one line of JSON with every digit of the original. */
  readonly payloadJson: string;
  /** JSON object (CloudEvents extensions, datacontenttype, metadata) or null. */
  readonly attributesJson: string | null;
  /** Present where `payload` may hold a rounded integer: `payloadJson` has it exact. */
  readonly payloadRounded?: true;
}

/** Why an item cannot be an event, or may not be stored: a value, never an exception. */
export interface Refusal {
  /** Stable code, the quarantine's cause: `invalid_json`, `invalid_utf8`, `not_an_object`, `missing_type`, `duplicate_key`, … */
  readonly reason: string;
  /** The rule that was broken, in words that a producer understands. */
  readonly rule: string;
  /** JSON path of the offending value, `$` for the whole item. */
  readonly path: string;
}

/** How the value of an inbound record is to be read. See decode. */
export type InboundFormat = 'event' | 'events-api' | 'ce-binary' | 'pubsub' | 'webhook';

/**
 * What decoding needs of an inbound record's headers; the topic's own type has more. `attributes` is a JSON object whose
 * members depend on the format.
 */
export interface InboundHeaders {
  readonly format: InboundFormat;
  readonly tenant: string;
  readonly source: string;
  /** Accept time, RFC 3339. */
  readonly at: string;
  readonly id?: string;
  readonly traceparent?: string;
  readonly contenttype?: string;
  readonly attributes?: string;
}

/** What a contract says about reading an event: segments below the payload. */
export interface EventPaths {
  /** Where the event's own time is, for events whose envelope has none. */
  readonly eventTimePath?: readonly string[] | null;
  readonly subjectPath?: readonly string[] | null;
}

export interface DecodeOptions {
  /** The contract of an event type; undefined where there is none. */
  readonly contractFor?: (eventType: string) => EventPaths | undefined;
}

export type Decoded =
  | { readonly ok: true; readonly envelope: Envelope }
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      readonly eventId: string | null;
      readonly eventType: string | null;
    };
