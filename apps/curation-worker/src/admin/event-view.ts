import { decode } from '@millrace/envelope';
import type { InboundHeaders } from '@millrace/topics';

export type EventStatus = 'PENDING' | 'PROCESSING' | 'PROCESSED' | 'FAILED' | 'DEAD_LETTER';

/** An event as the admin endpoints show it; times are ISO-8601. */
export interface EventView {
  /** The event's id; `quarantine:<n>` or `waiting:<n>` for one whose id cannot be read. */
  readonly id: string;
  readonly eventType: string | null;
  readonly payload: unknown;
  readonly metadata: unknown;
  readonly status: EventStatus;
  readonly processedAt: string | null;
  readonly failedAt: string | null;
  readonly failureReason: string | null;
  readonly retryCount: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

type Row = Readonly<Record<string, unknown>>;

const iso = (time: unknown): string => (time as Date).toISOString();

/** A row of the quarantine. */
export function ofQuarantine(row: Row): EventView {
  const healed = row['status'] !== 'open';
  const { payload, metadata } = contentOf(row);
  return {
    ...{
      id: String(row['event_id'] ?? `quarantine:${String(row['id'])}`),
      eventType: row['event_type'] as string | null,
    },
    ...{ payload, metadata, status: healed ? 'PROCESSED' : 'DEAD_LETTER' },
    processedAt: healed ? iso(row['healed_at']) : null,
    failedAt: iso(row['quarantined_at']),
    failureReason: `${String(row['reason'])}: ${String(row['rule'])} (${String(row['path'])})`,
    retryCount: row['reason'] === 'dead_letter' ? Number(row['attempts']) : Number(row['replays']),
    createdAt: iso(row['accepted_at']),
    updatedAt: iso(row['healed_at'] ?? row['quarantined_at']),
  };
}

/** An event that waits to be tried again. */
export function ofWaiting(row: Row): EventView {
  const { payload, metadata } = contentOf(row);
  return {
    ...{ id: String(row['event_id'] ?? `waiting:${String(row['id'])}`), eventType: row['event_type'] as string | null },
    ...{ payload, metadata, status: row['epoch'] === null ? 'FAILED' : 'PROCESSING' },
    processedAt: null,
    failedAt: iso(row['updated_at']),
    failureReason: String(row['last_error']),
    retryCount: Number(row['attempts']),
    createdAt: iso(row['accepted_at']),
    updatedAt: iso(row['updated_at']),
  };
}

/** A row of `clean.events`, times as texts. */
export function ofLanded(row: Row, processedAt: string | null): EventView {
  const attributes = parsed(row['attributes']) as Record<string, unknown> | null;
  const createdAt = new Date(String(row['ingest_time'])).toISOString();
  return {
    ...{ id: String(row['event_id']), eventType: String(row['event_type']), payload: parsed(row['payload']) },
    ...{ metadata: attributes?.['metadata'] ?? attributes, status: 'PROCESSED', processedAt: processedAt ?? createdAt },
    ...{ failedAt: null, failureReason: null, retryCount: 0, createdAt, updatedAt: processedAt ?? createdAt },
  };
}

/** An event that is in the log, and nowhere else yet. */
export const ofLog = (id: string, at: string): EventView => ({
  ...{ id, eventType: null, payload: null, metadata: null, status: 'PENDING', processedAt: null },
  ...{ failedAt: null, failureReason: null, retryCount: 0, createdAt: at, updatedAt: at },
});

/** What the event says, as far as it can be read; its exact bytes are in `/v1/quarantine`. */
function contentOf(row: Row): { payload: unknown; metadata: unknown } {
  // What is sealed may hold personal data.
  if (row['sealed_by'] !== null && row['sealed_by'] !== undefined) return { payload: null, metadata: null };
  const raw = row['raw'] as Buffer;
  try {
    const decoded = decode(raw, row['headers'] as InboundHeaders);
    if (decoded.ok) {
      const attributes = parsed(decoded.envelope.attributesJson) as Record<string, unknown> | null;
      return { payload: decoded.envelope.payload, metadata: attributes?.['metadata'] ?? attributes };
    }
  } catch {
    // It may be this what its processing failed of.
  }
  const item = parsed(raw.toString('utf8'));
  if (typeof item !== 'object' || item === null) return { payload: null, metadata: null };
  const { payload, metadata } = item as { payload?: unknown; metadata?: unknown };
  return { payload: payload ?? item, metadata: metadata ?? null };
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text ?? null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
