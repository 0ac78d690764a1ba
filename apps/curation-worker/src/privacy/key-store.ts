/** What a key of the lake is for. */
export const LAKE_PURPOSES = ['lookup', 'token', 'wrap'] as const;
/**
 * - `lookup`: subjects are found by their HMAC under it, so that the table of keys names nobody. Never rotated.
 * - `token`: tokens that are the same for all subjects.
 * - `wrap`: subjects' keys are stored encrypted under it, so that the master key is asked for once a process.
 */
export type LakePurpose = (typeof LAKE_PURPOSES)[number];

/** A key of the lake, wrapped by the master key. */
export interface LakeKeyRow {
  readonly id: number;
  readonly purpose: LakePurpose;
  readonly by: string;
  readonly wrapped: Buffer;
}

export interface SubjectKeyRow {
  /** 64 hex digits. */
  readonly lookup: string;
  readonly id: number;
  readonly tenant: string;
  /** Which of the lake's keys `wrapped` is encrypted under. */
  readonly wrapId: number;
  readonly wrapped: Buffer;
}

export type NewSubjectKey = Omit<SubjectKeyRow, 'id'>;

/**
 * Where the lake's keys and its subjects' are kept.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - Of any number of callers that make one key at once, one makes it and all get the same.
 * - A key that `ensure` returned is durable.
 * - Ids are never used twice.
 * - After `destroy` has resolved nobody gets the key any more, and the line's keys epoch is greater than before: both
 *   happen at once, so a landing that worked with the key is redone.
 */
export interface KeyStore {
  /** The newest key of each purpose is in use; older ones still open what they sealed. */
  lakeKeys(): Promise<readonly LakeKeyRow[]>;
  /** Keeps a first key of a purpose; does nothing where there is one. */
  addLakeKey(row: Omit<LakeKeyRow, 'id'>): Promise<void>;
  /** The keys of these subjects, in any order; those that have none get the one given. Lookups are distinct. */
  ensure(keys: readonly NewSubjectKey[]): Promise<readonly SubjectKeyRow[]>;
  find(lookups: readonly string[]): Promise<readonly SubjectKeyRow[]>;
  byIds(ids: readonly number[]): Promise<readonly SubjectKeyRow[]>;
  /** Destroys keys and their lookups, remembers their ids, and moves the keys epoch on. Returns the ids destroyed. */
  destroy(lookups: readonly string[], erasureId: string): Promise<readonly number[]>;
  /** Those of the ids that were destroyed. */
  destroyed(ids: readonly number[]): Promise<ReadonlySet<number>>;
}
