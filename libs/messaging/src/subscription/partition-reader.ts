import type { Delivery } from '../port';
import { type Cut, cut } from './cut';
import type { ReadLimits, StoredBatch } from './source';

export interface Pace {
  readonly eventsMax: number;
  readonly lingerMs: number;
  readonly inFlightMax: number;
}

/** A delivery that was handed out. Told apart by identity: after a rewind another one may cover the same range. */
export interface Outstanding {
  readonly from: number;
  readonly to: number;
}

/**
 * One partition of a subscription: where it reads, what it has handed out, and when it may hand out more. It knows
 * nothing of the engine; times are given to it.
 */
export class PartitionReader {
  /** `assigning` until the consumer has said where to start; `resting` after its position was lost. */
  state: 'assigning' | 'reading' | 'resting' = 'assigning';
  /** To be given up: nothing more is delivered, what is in flight may still be acknowledged. */
  draining = false;
  position = 0;
  readonly name: string;
  private readonly abort = new AbortController();
  private outstanding: Outstanding[] = [];
  private end = 0;
  private resumeAtMs = 0;
  private seenAtMs: number | null = null;
  /** The last read left something behind because of its limits: there is no reason to linger. */
  private behind = false;
  /** Whether the log holds the position has to be found out by reading there. */
  private doubtful = false;
  private rest: StoredBatch | null = null;

  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly epoch: number,
    readonly attempts: number,
    /** Nobody will acknowledge: only the last delivery is remembered, to be handed back. */
    private readonly ephemeral = false,
  ) {
    this.name = String(partition);
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  get delivers(): boolean {
    return this.state === 'reading' && !this.draining;
  }

  get inFlight(): number {
    return this.ephemeral ? 0 : this.outstanding.length;
  }

  begin(position: number): void {
    this.position = position;
    this.doubtful = true;
    this.state = 'reading';
  }

  /** The log is known to reach this far. */
  reaches(end: number, nowMs: number): void {
    if (end > this.end) this.end = end;
    if (this.end > this.position) this.seenAtMs ??= nowMs;
  }

  /** The engine, asked, says where the log ends. A position beyond that is a stale answer or a log that has shrunk. */
  endsAt(end: number, nowMs: number): void {
    this.reaches(end, nowMs);
    if (end < this.position) this.doubtful = true;
  }

  /** How long until this partition has something to deliver, as far as is known: 0 for now, Infinity for never. */
  dueInMs(nowMs: number, pace: Pace): number {
    if (!this.delivers || this.inFlight >= pace.inFlightMax) return Infinity;
    if (this.doubtful) return Math.max(0, this.resumeAtMs - nowMs);
    if (this.end <= this.position) return Infinity;
    const enough = this.behind || this.end - this.position >= pace.eventsMax;
    const lingerEndsMs = enough ? nowMs : (this.seenAtMs ?? nowMs) + pace.lingerMs;
    return Math.max(0, this.resumeAtMs - nowMs, lingerEndsMs - nowMs);
  }

  /** Nothing to deliver before `ms` from now. */
  pause(nowMs: number, ms: number): void {
    this.resumeAtMs = Math.max(this.resumeAtMs, nowMs + ms);
  }

  /** What an earlier delivery left of a stored batch, if it is what comes next. */
  takeRest(): readonly StoredBatch[] | null {
    const rest = this.rest;
    this.rest = null;
    return rest && rest.base <= this.position && this.position < rest.base + rest.size ? [rest] : null;
  }

  /** Takes the next delivery out of what was read at the present position. */
  take(
    stored: readonly StoredBatch[],
    limited: boolean,
    limits: ReadLimits,
    nowMs: number,
  ): { taken: Cut; handle: Outstanding } {
    const taken = cut(stored, this.position, limits);
    this.position = taken.to;
    this.rest = taken.rest;
    this.doubtful = false;
    const last = stored.at(-1);
    if (last) this.end = Math.max(this.end, last.base + last.size);
    this.behind = limited || taken.rest !== null || (last !== undefined && taken.to < last.base + last.size);
    this.seenAtMs = this.end > this.position ? nowMs : null;
    if (this.ephemeral) this.outstanding = [];
    const handle = { from: taken.from, to: taken.to };
    this.outstanding.push(handle);
    return { taken, handle };
  }

  /** A read at the present position, which the log holds, found nothing: what was known of the end was wrong. */
  foundNothing(): void {
    this.doubtful = false;
    this.end = this.position;
    this.seenAtMs = null;
    this.behind = false;
  }

  /** Counts deliveries up to `to` as acknowledged; false if that one is not outstanding (any more). */
  settle(delivery: Outstanding): boolean {
    if (!this.isOutstanding(delivery)) return false;
    this.outstanding = this.outstanding.filter(({ to }) => to > delivery.to);
    return true;
  }

  /** Goes back to the delivery's start; false if it is not outstanding (any more). */
  rewind(delivery: Outstanding, nowMs: number, delayMs: number): boolean {
    if (!this.isOutstanding(delivery)) return false;
    this.outstanding = this.outstanding.filter(({ from }) => from < delivery.from);
    this.position = delivery.from;
    this.rest = null;
    this.behind = true;
    this.resumeAtMs = nowMs + delayMs;
    return true;
  }

  lose(): void {
    this.outstanding = [];
    this.rest = null;
    this.state = 'resting';
    this.abort.abort();
  }

  private isOutstanding(delivery: Outstanding): boolean {
    return this.outstanding.includes(delivery);
  }
}

/** The consumer's view of a cut. */
export function asDelivery(
  reader: PartitionReader,
  taken: Cut,
  actions: { ack(): Promise<void>; nack(delayMs?: number): Promise<void> },
): Delivery {
  return {
    topic: reader.topic,
    partition: reader.name,
    range: { from: taken.from, to: taken.to },
    batches: taken.batches,
    count: taken.to - taken.from,
    attempts: reader.attempts,
    signal: reader.signal,
    ...actions,
  };
}
