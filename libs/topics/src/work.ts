/**
 * Long work on raw bytes or keys, which curation-worker does for whoever asks: a request by `work.requested`, what becomes
 * of it by `work.results`. Both are told at least once; a request is known by its id, a result by its revision.
 */
export interface WorkRequested {
  /** UUID of the job. */
  readonly id: string;
  /** `run` asks for it, `cancel` ends it wherever it is; the one may overtake the other. */
  readonly action: 'run' | 'cancel';
  /** What is to be done; absent for `cancel`. */
  readonly job?: WorkJob;
  /** Who asked: a principal. */
  readonly by: string;
  readonly at: string;
}

export type WorkJob = ShadowJob;

/** Tries a proposed contract version on raw items of the past. */
export interface ShadowJob {
  readonly kind: 'shadow';
  readonly contract: string;
  readonly version: string;
  /** Storage path of the proposed text. */
  readonly path: string;
  /** The index whose contracts it is compared with. */
  readonly contractsIndex: number;
  /** Accept dates, inclusive, `YYYY-MM-DD`. */
  readonly from: string;
  readonly to: string;
  /** Sample events are named of this tenant only. */
  readonly tenant: string;
}

export type WorkStatus = 'running' | 'done' | 'failed' | 'cancelled';

export interface WorkResult {
  readonly id: string;
  readonly kind: string;
  /** 1, 2, … of a job: an earlier one changes nothing that a later one said. */
  readonly revision: number;
  readonly status: WorkStatus;
  readonly progress: WorkProgress | null;
  /** What came of it so far; of a shadow a `ShadowTally`. */
  readonly result: unknown;
  /** Why it failed. */
  readonly error: string | null;
  readonly at: string;
}

export interface WorkProgress {
  /** Bytes as they lie in storage. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly items: number;
}

/** What a proposed version would do to the items that it was tried on. */
export interface ShadowTally {
  readonly items: number;
  /** Taken by the contract in force and by the proposed one. */
  readonly passes: number;
  /** Taken by the one in force and refused by the proposed one. */
  readonly breaks: number;
  /** The other way round. */
  readonly heals: number;
  /** Refused by both. */
  readonly fails: number;
  /** Items that no reader could make sense of at all. */
  readonly unreadable: number;
  /** Those that the proposed version newly refuses, by rule; the most frequent first. */
  readonly rules: readonly ShadowRule[];
  readonly sources: readonly ShadowSource[];
}

export interface ShadowRule {
  readonly reason: string;
  readonly rule: string;
  /** List positions as `[*]`. */
  readonly path: string;
  readonly breaks: number;
  /** By source. */
  readonly sources: Readonly<Record<string, number>>;
  readonly samples: readonly ShadowSample[];
}

export interface ShadowSample {
  readonly eventId: string | null;
  readonly source: string;
  readonly rawPart: string;
  /** From 1. */
  readonly rawLine: number;
}

export interface ShadowSource {
  readonly tenant: string;
  readonly source: string;
  readonly items: number;
  readonly breaks: number;
  readonly heals: number;
}
