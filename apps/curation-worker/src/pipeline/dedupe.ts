import { LANDED, type Outcome, quarantined } from './outcome';
import type { Valid, Validated } from './curate';

/** What a claim of another batch says about a key. */
export interface Held {
  /** Null where the claim was pruned between the two looks at it. */
  readonly batchId: number | null;
  /** 16 hex digits. */
  readonly fingerprint: string | null;
}

/** A micro-batch after the first half of deduplication: within itself. */
export interface Deduped {
  readonly validated: readonly Validated[];
  /** The first event of each key, to be claimed. */
  readonly candidates: readonly Valid[];
}

/** Picks the first event of each key. The others of the key share its fate, as duplicates or, should it fall, not at all. */
export function dedupe(validated: readonly Validated[]): Deduped {
  const seen = new Set<string>();
  const candidates: Valid[] = [];
  for (const event of validated) {
    if (!event.ok || seen.has(event.key)) continue;
    seen.add(event.key);
    candidates.push(event);
  }
  return { validated, candidates };
}

/**
 * The outcome of each item, once it is known which keys others hold.
 *
 * @param held keys of candidates that are claimed by other batches
 * @param batchId of the batch that is landing: it holds the keys of its own duplicates
 */
export function settle(
  { validated, candidates }: Deduped,
  held: ReadonlyMap<string, Held>,
  batchId: number,
): Outcome[] {
  const first = new Map<string, Valid>();
  if (candidates.length < validated.length) for (const candidate of candidates) first.set(candidate.key, candidate);
  return validated.map((event): Outcome => {
    if (!event.ok) return quarantined(event.refusal);
    const holder = held.get(event.key);
    if (holder) {
      const contentDiffers = holder.fingerprint !== null && holder.fingerprint !== event.fingerprint;
      return { fate: 'duplicate', holder: { batchId: holder.batchId, contentDiffers } };
    }
    const lead = first.get(event.key);
    if (lead === undefined || lead === event) return LANDED;
    return { fate: 'duplicate', holder: { batchId, contentDiffers: lead.fingerprint !== event.fingerprint } };
  });
}
