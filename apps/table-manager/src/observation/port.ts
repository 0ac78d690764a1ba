import type { ProfileHistory } from '@millrace/contracts/profile';

/** What one kind of events looked like on one day. */
export interface Observed {
  readonly tenant: string;
  readonly eventType: string;
  /** Name and version of what they were checked against; empty where the type had no contract. */
  readonly contract: string;
  readonly version: string;
  readonly source: string;
  /** UTC date of landing, `YYYY-MM-DD`. */
  readonly day: string;
  readonly history: ProfileHistory;
}

/** An event type without a contract. */
export interface UngovernedType {
  readonly eventType: string;
  /** Those that sent it; whose events were the first comes first. */
  readonly tenants: readonly string[];
  readonly events: number;
  /** ISO-8601. */
  readonly firstSeen: string;
}

/** A contract that was inferred: who caused it, and how far its table is filled. */
export interface InferredContract {
  readonly contract: string;
  readonly eventType: string;
  /** Without `clean.`. */
  readonly table: string;
  readonly tenant: string;
  /** An index that names it; null until it is seen to be in force. */
  readonly sinceIndex: number | null;
  /** Rows up to this number that landed without the contract are in its table. */
  readonly filledTo: number;
  readonly closed: boolean;
}

export interface ObservedPage {
  readonly tenant: string;
  readonly contract: string;
  readonly version?: string;
  readonly source?: string;
  /** Kinds after this one, in the order of the answer. */
  readonly after: Pick<Observed, 'day' | 'version' | 'source' | 'eventType'> | null;
  readonly limit: number;
}

/**
 * The history of what events looked like, folded in with the cursor's move, and the book of inferred contracts. What is
 * folded is there once, whatever is repeated. Every method may be called by several processes at once.
 */
export interface ObservationStore {
  /** Types that had no contract and are not among `governed`, those that came first; at most `TYPES_SHOWN_MAX`. With a tenant, of its events alone. */
  withoutContract(governed: readonly string[], tenant?: string): Promise<UngovernedType[]>;
  /** Of a type while it had no contract, of all tenants; the newest `KINDS_READ_MAX`. */
  ofType(eventType: string): Promise<Observed[]>;
  /** Of a version of a contract, of all tenants; the newest `KINDS_READ_MAX`. */
  under(contract: string, version: string): Promise<Observed[]>;
  /** Of a tenant, newest day first. */
  page(page: ObservedPage): Promise<Observed[]>;
  /** Forgets days before `day`; returns how many kinds. */
  forgetBefore(day: string): Promise<number>;

  inferred(): Promise<InferredContract[]>;
  /**
   * Notes that a contract is about to be published. False when its name, type or table is noted already: then that is
   * what holds.
   */
  noteInferred(contract: Pick<InferredContract, 'contract' | 'eventType' | 'table' | 'tenant'>): Promise<boolean>;
  /** Notes an index that names the contract, unless one is noted. */
  noteInForce(contract: string, index: number): Promise<void>;
  /** Notes how far its table is filled; never less than before. */
  noteFilled(contract: string, to: number, closed: boolean): Promise<void>;

  /** The contract index under which the newest applied batch landed: those beyond it landed under no earlier one. */
  contractsApplied(): Promise<number>;
  /** Ids of the batches of (from, to], applied or announced. */
  batchIds(from: number, to: number): Promise<number[]>;
}

/** Kinds of events of a tenant and a day; what goes beyond is counted as one kind, with an empty type. */
export const KINDS_MAX = 1_000;
export const KINDS_READ_MAX = 500;
export const TYPES_SHOWN_MAX = 2_000;
