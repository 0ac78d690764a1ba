import type { Refused, Validated } from '../pipeline/curate';
import { CURATION_REASONS } from '../pipeline/outcome';
import type { createParseStep } from '../pipeline/parse';
import type { Received } from '../pipeline/received';
import type { Invalid } from '../pipeline/validate';

/** An event that passed every check and that no table can hold. */
export function unstorable(event: Validated): Refused {
  const refusal = { reason: 'unstorable', rule: CURATION_REASONS.unstorable, path: '$.payload' };
  const { received, seal } = event;
  if (!event.ok) return { ...event, refusal };
  const { eventId, eventType, source } = event.envelope;
  const contract = event.contract?.compiled ?? null;
  return { ok: false, received, refusal, eventId, eventType, source, contract, seal };
}

/** Events that nothing is checked of. */
const UNREAD: ReadonlySet<string> = new Set(['dead_letter', 'processing_failed']);
export const isUnread = (event: Validated): boolean => !event.ok && UNREAD.has(event.refusal.reason);

/** An item that is put aside, or a dead letter: it is judged without being looked at. */
export function unread(
  received: Received,
  parse: ReturnType<typeof createParseStep> | null,
  deadLetter: string | undefined,
): Omit<Invalid, 'person'> {
  const rule = `${CURATION_REASONS.dead_letter}; the last failure: ${deadLetter ?? ''}`;
  const refusal = { reason: deadLetter === undefined ? 'processing_failed' : 'dead_letter', rule, path: '$' };
  return { ok: false, received, refusal, ...namesOf(received, parse), contract: null };
}

/** What an event is called, as far as that can be found out. */
function namesOf(
  received: Received,
  parse: ReturnType<typeof createParseStep> | null,
): Pick<Invalid, 'eventId' | 'eventType' | 'source'> {
  try {
    const decoded = parse?.(received).decoded;
    if (decoded) {
      const { eventId, eventType } = decoded.ok ? decoded.envelope : decoded;
      return { eventId, eventType, ...(decoded.ok && { source: decoded.envelope.source }) };
    }
  } catch {
    // It may be this what its landing failed of.
  }
  return { eventId: received.names?.eventId ?? null, eventType: received.names?.eventType ?? null };
}
