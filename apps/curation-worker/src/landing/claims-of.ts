import type { Candidate } from '../pipeline/dedupe';
import type { Claim } from './port';

const DAY_MS = 86_400_000;

/** Event times are ISO-8601 UTC; their days are few, and reading a date costs as much as all else of a claim. */
export function claimsOf(candidates: readonly Candidate[]): Claim[] {
  const days = new Map<string, number>();
  return candidates.map(({ key, fingerprint, windowDays, envelope }) => {
    const date = envelope.eventTime.slice(0, 10);
    let eventDay = days.get(date);
    if (eventDay === undefined) days.set(date, (eventDay = Date.parse(date) / DAY_MS));
    return { key, fingerprint, windowDays, eventDay };
  });
}
