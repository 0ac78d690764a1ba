import { LANDED, type Outcome, quarantined } from './outcome';
import type { Valid, Validated } from './curate';

/** What a claim of another batch says about a key. */
export interface Held {
  /** Null where the claim was pruned between the two looks at it. */
  readonly batchId: number | null;
  /** 16 hex digits. */
  readonly fingerprint: string | null;
}

/** A key to be claimed, with the first event that has it. */
export type Candidate = Pick<Valid, 'key' | 'fingerprint' | 'windowDays' | 'envelope'>;

/** A micro-batch after the first half of deduplication: within itself. */
export interface Deduped {
  readonly validated: readonly Validated[];
  /** Every key of the batch, once. */
  readonly candidates: readonly Candidate[];
  /** No event has the key of another or more than one, and all are valid: then nothing has to be compared. */
  readonly plain: boolean;
}

/** Collects the keys of a batch. */
export function dedupe(validated: readonly Validated[]): Deduped {
  const seen = new Set<string>();
  const candidates: Candidate[] = [];
  let plain = true;
  for (const event of validated) {
    if (!event.ok) {
      plain = false;
      continue;
    }
    if (seen.has(event.key)) plain = false;
    else {
      seen.add(event.key);
      candidates.push(event);
    }
    for (const key of event.formerKeys) {
      plain = false;
      if (seen.has(key)) continue;
      seen.add(key);
      const { fingerprint, windowDays, envelope } = event;
      candidates.push({ key, fingerprint, windowDays, envelope });
    }
  }
  return { validated, candidates, plain };
}

export interface Settled {
  /** By item. */
  readonly outcomes: readonly Outcome[];
  /** Keys that were claimed for events which turned out not to land: to be given up. */
  readonly unused: readonly string[];
}

/**
 * The outcome of each item, once it is known which keys others hold: as if the items had come one after the other.
 *
 * @param held keys of candidates that are claimed by other batches
 * @param batchId of the batch that is landing: it holds the keys of its own duplicates
 */
export function settle(
  { validated, candidates, plain }: Deduped,
  held: ReadonlyMap<string, Held>,
  batchId: number,
): Settled {
  if (plain && held.size === 0) return { outcomes: validated.map(() => LANDED), unused: [] };
  const mine = new Map<string, Valid>();
  const outcomes = validated.map((event): Outcome => {
    if (!event.ok) return quarantined(event.refusal);
    const keys = event.formerKeys.length === 0 ? [event.key] : [event.key, ...event.formerKeys];
    for (const key of keys) {
      const holder = held.get(key);
      if (!holder) continue;
      const contentDiffers = holder.fingerprint !== null && holder.fingerprint !== event.fingerprint;
      return { fate: 'duplicate', holder: { batchId: holder.batchId, contentDiffers } };
    }
    for (const key of keys) {
      const first = mine.get(key);
      if (!first) continue;
      return { fate: 'duplicate', holder: { batchId, contentDiffers: first.fingerprint !== event.fingerprint } };
    }
    for (const key of keys) mine.set(key, event);
    return LANDED;
  });
  const unused = candidates.filter(({ key }) => !held.has(key) && !mine.has(key)).map(({ key }) => key);
  return { outcomes, unused };
}
