/** What becomes of events of types without a contract. */
export type UnknownTypes = 'infer' | 'quarantine' | 'refuse';

export interface InferenceSettings {
  readonly unknownTypes: UnknownTypes;
  /** A contract is made of what came within so long after the first event of its type, ms… */
  readonly inferAfterMs: number;
  /** …or of the first so many events. The same for new fields of a contract. */
  readonly inferAfterEvents: number;
  /** Contracts inferred because of a tenant's events. */
  readonly inferredContractsMax: number;
}

/** Days for which it is remembered what events looked like. */
export const OBSERVED_DAYS = 90;

/** Everything is looked at again so often, whether anything was committed or not. */
export const LOOK_EVERY_MS = 600_000;

/** From one publication to the next at least, ms: each is a change for every worker, and one takes all that is due. */
export const PUBLISH_EVERY_MS = 2_000;

/** Publications that follow one another wait longer and longer, up to this, ms. */
export const PUBLISH_EVERY_MS_MAX = 60_000;

/** A contract that was looked at in vain is looked at again so often at most, ms. */
export const EVOLVE_EVERY_MS = 5_000;

/** Types without a contract are looked through so often at most, ms: many may wait for one. */
export const TYPES_EVERY_MS = 500;
