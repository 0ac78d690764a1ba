import { hash } from 'node:crypto';
import { canonicalize, type Envelope, parseLossless, type Refusal } from '@millrace/envelope';
import type { Dedupe } from '@millrace/contracts';
import { CURATION_REASONS } from '../pipeline/outcome';

/** Of events that no contract governs; contracts that dedupe by event id share the scope by default. */
export const DEFAULT_DEDUPE: Dedupe = { strategy: 'event_id', scope: 'events', windowDays: 30 };

/** Hex digits of a claim's key: the first 16 bytes of a SHA-256. */
export const CLAIM_KEY_CHARS = 32;

export type ClaimKey = { readonly key: string } | { readonly refusal: Refusal };

/**
 * The key under which an event is claimed: tenant, scope, strategy and the strategy's own parts. Each part is preceded
 * by its length, so that no two lists of parts read alike. The tenant leads, so no tenant can claim another's keys.
 */
export function claimKey(envelope: Envelope, dedupe: Dedupe): ClaimKey {
  const prefix = part(envelope.tenantId) + part(dedupe.scope) + part(dedupe.strategy);
  switch (dedupe.strategy) {
    case 'event_id':
      return { key: digest(prefix + part(envelope.source) + part(envelope.eventId)) };
    case 'content':
      return { key: digest(prefix + contentOf(envelope)) };
    case 'business_key': {
      let key = prefix;
      for (const path of dedupe.paths ?? []) {
        const value = scalarAt(envelope, path);
        if (value === null) {
          const rule = CURATION_REASONS.incomplete_business_key;
          return { refusal: { reason: 'incomplete_business_key', rule, path: `$.${path.join('.')}` } };
        }
        key += part(value);
      }
      return { key: digest(key) };
    }
  }
}

const part = (text: string): string => `${text.length}:${text}`;

// One call instead of a Hash object: 0.07 against 0.17 CPU-s per 100,000 keys.
const digest = (text: string): string => hash('sha256', text, 'hex').slice(0, CLAIM_KEY_CHARS);

/**
 * What an event says, whatever its id: type, source, time and payload in canonical form. A time that is the accept time
 * was not said by the producer.
 */
function contentOf(envelope: Envelope): string {
  if (envelope.idFromContent) return `id:${envelope.eventId}`;
  const time = envelope.eventTime === envelope.ingestTime ? null : envelope.eventTime;
  return canonicalize([envelope.eventType, envelope.source, time, exactPayload(envelope)]);
}

/** The payload, with integers beyond 2^53 as bigints. */
export const exactPayload = (envelope: Envelope): unknown =>
  envelope.payloadRounded ? parseLossless(envelope.payloadJson) : envelope.payload;

const ENVELOPE_FIELDS: Readonly<Record<string, (envelope: Envelope) => unknown>> = {
  event_id: (e) => e.eventId,
  event_type: (e) => e.eventType,
  event_version: (e) => e.eventVersion,
  event_time: (e) => e.eventTime,
  producer_time: (e) => e.producerTime,
  source: (e) => e.source,
  subject: (e) => e.subject,
  trace_id: (e) => e.traceId,
};

/** A part of a business key with its type, so that 1 and "1" differ; null where it is absent or not a scalar. */
function scalarAt(envelope: Envelope, path: readonly string[]): string | null {
  let value: unknown;
  if (path[0] === 'payload') {
    value = exactPayload(envelope);
    for (let i = 1; i < path.length; i++) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, path[i])) return null;
      value = (value as Record<string, unknown>)[path[i]];
    }
  } else if (path.length === 1) value = ENVELOPE_FIELDS[path[0]]?.(envelope);
  if (typeof value === 'string') return `s${value}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `n${value}`;
  return typeof value === 'boolean' ? `b${value}` : null;
}
