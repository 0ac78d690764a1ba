/** What was found after the faults had ended and nothing was under way. */

/** A line of the raw zone. */
export interface RawSeen {
  readonly key: string;
  /** Hash of the line's exact bytes, as the sender hashed them. */
  readonly bytes?: string;
}

/** A row of a table. */
export interface RowSeen {
  readonly key: string;
  readonly hash: string;
}

/** A landed batch: a place on the number line and its counts. */
export interface BatchSeen {
  readonly number: number;
  readonly batchId: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

/** A row of the conservation law, as the service tells it. */
export interface ConservationSeen {
  /** What tells it from other rows, e.g. source and hour. */
  readonly group: string;
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly pending: number;
}

export type Cells = Readonly<Record<string, unknown>>;

/** A mart beside what a plain fold over the input makes of it. */
export interface MartSeen {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly expected: readonly Cells[];
  readonly actual: readonly Cells[];
}

/** Something that was done to the system on purpose. */
export interface FaultSeen {
  /** e.g. `kill`, `failpoint`, `stall`, `cut`. */
  readonly kind: string;
  /** e.g. a service. */
  readonly target: string;
  /** Name of the place, for a failpoint. */
  readonly place?: string;
}
