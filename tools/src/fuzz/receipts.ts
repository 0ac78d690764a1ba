import type { RawAnswer } from '@millrace/service/fuzzing';

/**
 * Items that a request made durable, by its answer: what a capture route says, unless the answer is one that was given
 * before under the same Idempotency-Key. 0 for every other answer.
 */
export function itemsTaken({ status, head, body }: RawAnswer): number {
  if (status < 200 || status >= 300 || /^idempotency-replayed: true/im.test(head)) return 0;
  const { accepted, quarantined, success, eventId, message_data: pushed } = parsed(body);
  if (typeof accepted === 'number') return accepted + (typeof quarantined === 'number' ? quarantined : 0);
  // A replay succeeds as well, and takes nothing in.
  return (success === true && typeof eventId === 'string') || pushed !== undefined ? 1 : 0;
}

function parsed(body: string): Record<string, unknown> {
  try {
    return (JSON.parse(body) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
