import type { InboundHeaders } from '@millrace/topics';
import type { ReplayEntry } from '../landing/port';
import type { Unreadable } from '../privacy/opener';
import type { ReplayFailure } from './failures';

/** Which quarantined items: those that meet all that is given. */
export interface Selection {
  /** 16 hex digits. */
  readonly group?: string;
  /** Ids of quarantined items, 1,000 at most. */
  readonly ids?: readonly string[];
  readonly filter?: {
    readonly reason?: string;
    readonly eventType?: string;
    readonly source?: string;
    /** Accept times, ISO-8601: `[from, to)`. */
    readonly from?: string;
    readonly to?: string;
  };
}

export interface RecipeRef {
  readonly name: string;
  readonly version: number;
}

export interface NewJob {
  readonly tenant: string;
  readonly selection: Selection;
  readonly recipe: RecipeRef | null;
  /** Events a second, at most. */
  readonly rate: number;
  readonly createdBy: string;
}

export interface Job extends NewJob {
  /** UUID. */
  readonly id: string;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
  /** Rows up to here have been looked at. */
  readonly cursor: number;
  readonly upperId: number;
  /** Open items of the selection when the job was made. */
  readonly selected: number;
  readonly landed: number;
  readonly duplicate: number;
  /** Tried, and still in quarantine. */
  readonly failed: number;
  readonly failures: readonly ReplayFailure[];
  readonly attempts: number;
  readonly suspectTo: number | null;
}

/** A quarantined item with what is needed to land it. */
export interface StoredItem {
  readonly id: number;
  readonly headers: InboundHeaders;
  /** Null in rows of releases that did not keep it. */
  readonly ingestionId: string | null;
  readonly raw: Buffer;
  /** Key that `raw` and `headers` are sealed under (see quarantine/sealed-item.ts); null where they are in clear. */
  readonly sealedBy: string | null;
  /** It was opened by the key of a day: its raw line, too, can be read for as long as that key is kept. */
  readonly underDay?: boolean;
  /** Why it can never be read again; then it is as it is stored. */
  readonly unreadable?: Unreadable;
  readonly rawPart: string;
  readonly rawLine: number;
  readonly topic: string;
  readonly partition: string;
  readonly offset: number | null;
}

/** An event that waits to be tried again. */
export interface WaitingItem extends StoredItem {
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly attempts: number;
  /** Tries that ended with their process. */
  readonly interrupted: number;
  readonly lastError: string;
}

/**
 * Jobs that replay what is quarantined, and events that wait to be tried again. Landings move both (`enterReplay`); here
 * is what happens between them. A worker's claim on either lasts as long as its epoch is alive.
 */
export interface ReplayStore {
  /** Open items of a selection: how many, and up to `max` of them by id, each equally likely where there are more. */
  sample(
    tenant: string,
    selection: Selection,
    max: number,
  ): Promise<{ readonly selected: number; readonly ids: readonly number[] }>;
  create(job: NewJob): Promise<Job>;
  get(tenant: string, id: string): Promise<Job | null>;
  /** Ends a running job; nothing of it lands after that. Null where there is none that runs. */
  cancel(tenant: string, id: string, by: string): Promise<Job | null>;

  /** Takes over running jobs of nobody and of the dead, counting their unfinished tries; returns all of this epoch's. */
  running(epoch: number): Promise<readonly Job[]>;
  /** Notes that rows up to `upTo` are being tried. False when the job is not this epoch's any more. */
  note(id: string, epoch: number, upTo: number): Promise<boolean>;
  /** A try failed, and this process has lived through it. */
  failed(id: string, epoch: number): Promise<void>;
  /** Open items of the job from its cursor on, in the order of their ids. */
  items(job: Job, limit: number, bytesMax: number): Promise<readonly StoredItem[]>;
  /** Open items by ids, in the order of the ids, up to a number of bytes but at least one. */
  load(ids: readonly number[], bytesMax: number): Promise<readonly StoredItem[]>;
  /** Moves a job past rows of which none is landed. False when it has ended, moved or changed hands. */
  pass(entry: ReplayEntry): Promise<boolean>;
  /** Ends a job whose rows have all been looked at. Null when it has ended or changed hands. */
  finish(id: string, epoch: number): Promise<Job | null>;

  /**
   * The event that is due first, taken; null where none is due. A worker tries one at a time: what it has taken before
   * and not given back, for the store was away, is nobody's.
   */
  takeWaiting(epoch: number): Promise<WaitingItem | null>;
  /** The try failed: it is due again after a while. */
  waitAgain(id: number, epoch: number, error: string, retryInMs: number): Promise<void>;
  /** Gives a taken event back as it was: nothing was found out about it. */
  giveBack(id: number, epoch: number): Promise<void>;
}
