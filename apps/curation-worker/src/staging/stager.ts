import type { StagedFile } from '@millrace/topics';
import type { EventRows } from './event-rows';
import type { TableRows } from './table-rows';

export interface Writer {
  readonly batchId: number;
  readonly epoch: number;
}

/** A row does not fit its tables although it passed every check: the batch is to be bisected. */
export class Unstorable extends Error {
  readonly code = 'UNSTORABLE';
}

/** What makes the tables' files out of rows: durable and visible when a call resolves. */
export interface Staging {
  /**
   * Writes landed rows as one file for `clean.events` and one for each contract's table. `written` learns each path
   * before anything is visible under it.
   *
   * @throws Unstorable when a row cannot be held; StorageError; DuckError of any other kind
   */
  events(rows: EventRows, writer: Writer, written: string[]): Promise<StagedFile[]>;
  /** Writes rows of one table as one file. Throws as `events` does. */
  table(rows: TableRows, writer: Writer, written: string[]): Promise<StagedFile>;
  /** Whether rows can be stored: as `events`, but nothing is written. */
  canStore(rows: EventRows): Promise<boolean>;
  /** The values that expressions have over rows of the table that a contract's events land in, each once. */
  values(rows: EventRows, questions: readonly ValueQuestion[]): Promise<ReadonlyMap<string, readonly string[]>>;
}

export interface ValueQuestion {
  readonly name: string;
  /** Tables that it is asked of, e.g. `clean.shipment_events`. */
  readonly tables: readonly string[];
  /** SQL over one row. */
  readonly expression: string;
}

/** Lends what stages files for the time of `task`; whoever has it waits for nothing else. */
export interface Stager {
  use<T>(task: (staging: Staging) => Promise<T>): Promise<T>;
}
