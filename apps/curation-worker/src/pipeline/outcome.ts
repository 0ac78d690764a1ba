import type { Refusal } from '@millrace/envelope';

/** Which batch holds the claim of a duplicate's key, and whether what it claimed had another content. */
export interface Holder {
  /** Null where the claim has been pruned meanwhile. */
  readonly batchId: number | null;
  readonly contentDiffers: boolean;
}

/**
 * What becomes of one item: a value, never an exception. Failures that have nothing to do with the item (a database
 * away, a disk full) are errors of the landing, which is then tried again as a whole.
 */
export type Outcome =
  | { readonly fate: 'landed' }
  | { readonly fate: 'duplicate'; readonly holder: Holder }
  | { readonly fate: 'quarantined'; readonly refusal: Refusal }
  /** It could not be processed, and is to be tried again: pending. */
  | { readonly fate: 'waiting'; readonly error: string };

export const LANDED: Outcome = { fate: 'landed' };

export const quarantined = (refusal: Refusal): Outcome => ({ fate: 'quarantined', refusal });

/** Reasons of this service's own, beside those of the envelope's refusals and the contracts' violations. */
export const CURATION_REASONS = {
  contract_unavailable: 'the contract that may govern the event is in the index but its file cannot be used',
  unknown_type: 'a contract governs the event type; types without one are set aside here',
  refused_type: 'a contract governs the event type; types without one are refused here',
  incomplete_business_key: 'each part of the business key is present and a string, number or boolean',
  unstorable: 'the event can be written to its tables',
  dead_letter: 'the event can be processed, if not at once, then after some more tries',
  key_expired: 'the key that the item was sealed under is kept until it is curated',
  unsealable: 'the bytes are as they were sealed when they were received',
} as const;
