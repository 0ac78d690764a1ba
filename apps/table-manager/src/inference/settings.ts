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

/** One contract gets new versions so often at most, ms: each is a change for every worker. */
export const EVOLVE_EVERY_MS = 5_000;

/** Types without a contract are looked through so often at most, ms: many may wait for one. */
export const TYPES_EVERY_MS = 500;
