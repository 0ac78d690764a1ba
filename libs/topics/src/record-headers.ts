/**
 * Headers of a record on `events.inbound`. The value is the item exactly as it was received; everything the gateway
 * learned about it beside its bytes is here. One header object is shared by all items of a request.
 */
export interface InboundHeaders {
  /** How to read the value. */
  readonly format: InboundFormat;
  /** Tenant of the principal; `default` without auth. */
  readonly tenant: string;
  /** Count key: where the item came in, e.g. `http`, `webhook:github`, `pubsub`. Equals the counts' `source`. */
  readonly source: string;
  /** Accept time, ISO-8601 UTC with milliseconds. Its hour is the counts' `hour`. */
  readonly at: string;
  /** Event id minted by the gateway (POST /events), else absent. */
  readonly id?: string;
  /** Request id, for the logs and the trace. */
  readonly request?: string;
  readonly traceparent?: string;
  /** Content type of the value where the format does not imply it (CloudEvents binary, webhooks). */
  readonly contenttype?: string;
  /** JSON object of further attributes: CloudEvents `ce-*` of a binary request, Pub/Sub attributes, webhook headers. */
  readonly attributes?: string;
  /**
   * Id of the key that the value is sealed under, and with it `attributes`, as base64 (see @millrace/privacy); absent for
   * what is in clear.
   */
  readonly sealed?: string;
  /** How values that share these headers were sealed together. Only with `sealed`. */
  readonly seal?: string;
}

/**
 * - `event`: an envelope, a flat event, or a structured CloudEvent, as JSON (told apart by its members)
 * - `events-api`: body of `POST /events`: `{eventType, payload, metadata?}`
 * - `ce-binary`: data of a binary CloudEvent; its attributes are in `attributes`
 * - `pubsub`: decoded data of a Pub/Sub push message; its attributes are in `attributes`
 * - `webhook`: body of a webhook; `attributes` names source, id and type
 */
export type InboundFormat = 'event' | 'events-api' | 'ce-binary' | 'pubsub' | 'webhook';
