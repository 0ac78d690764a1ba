export const EVENT_TYPES = ['order', 'inventory', 'user_activity', 'shipment', 'telemetry'] as const;

/** What can be asked for; `event_type` of shipment and telemetry events is their own. */
export type EventType = (typeof EVENT_TYPES)[number];

export type EventBody = Readonly<Record<string, unknown>>;

export interface GeneratedEvent {
  /** What is sent, as JSON. */
  readonly body: EventBody;
  /** Events of one key belong in order: the order, the session, the shipment, the device. */
  readonly key: string;
}

/** Events one after the other, without end. */
export interface EventStream {
  next(): GeneratedEvent;
}

export interface StreamOptions {
  /** 1-64 characters. Same seed, `fromMs` and `gapMs`: same events, ids included. */
  readonly seed: string;
  /** Where the clock of the generated world starts, ms since the epoch. */
  readonly fromMs: number;
  /** Mean time between two events of the stream, ms; may be a fraction. */
  readonly gapMs: number;
}

/** RFC 3339 with milliseconds, in UTC. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** The day of a time in UTC. */
export const utcDate = (ms: number): string => timestamp(ms).slice(0, 10);
