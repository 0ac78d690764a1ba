export interface AdmissionOptions {
  /** Requests handled at once, at least and at most; between them the limit finds itself. */
  readonly handledMin: number;
  readonly handledMax: number;
  /** Delay beyond the work itself that accepted requests may meet, ms. */
  readonly delayMsMax: number;
  /** A request beyond the limit waits so long for a place while the load is a burst, ms … */
  readonly burstMsMax: number;
  readonly monotonicMs: () => number;
}

/** What delayed requests since the last look, beyond the work itself. */
export interface Delay {
  /** How late the event loop ran what was due, mean ms: the wait of a request to be read at all. */
  readonly loopMs: number;
  /** How long the first in the queue waits for its append, beyond the length of an append, ms. */
  readonly queueMs: number;
}

interface Arrival {
  readonly sinceMs: number;
  readonly start: () => void;
  readonly refuse: () => void;
}

/** Growth of the limit at a look, as a share of it and at least so many requests. */
const GROWTH = 0.05;
const GROWTH_MIN = 4;
/** The limit shrinks by no more than this at a look: one slow moment is no overload. */
const SHRINK_MAX = 0.75;
/** Requests that wait without a break for this long are no burst but more than can be handled, ms. */
const OVERLOAD_AFTER_MS = 100;
/** … and then wait for no longer than this: a queue that is never empty delays everyone and serves nobody more, ms. */
const OVERLOAD_WAIT_MS = 5;

/**
 * How many requests are handled at once: as many as are needed to be fast, and no more than can be answered soon. What
 * comes beyond that waits for a moment, unread, and is then refused before anything of it is parsed.
 *
 * The limit grows by a little while it is met and requests are not delayed, and shrinks in proportion while they are:
 * by their delay, not by the length of a queue, so that it holds for requests of one event and of ten thousand, and for
 * fast and slow disks, whose own time is not counted. How long a request waits for a place depends, as in CoDel (RFC
 * 8289), on whether the queue has been empty lately: a burst is absorbed, an overload is not.
 */
export class Admission {
  private limit: number;
  private handled = 0;
  private peak = 0;
  private met = false;
  private queue: Arrival[] = [];
  private emptyMs: number;

  constructor(private readonly options: AdmissionOptions) {
    this.limit = Math.min(options.handledMax, Math.max(options.handledMin, 256));
    this.emptyMs = options.monotonicMs();
  }

  /** Requests that may be handled at once now. */
  get handledMax(): number {
    return this.limit;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Calls `start` now or soon, or `refuse` when no place becomes free in time. */
  enter(start: () => void, refuse: () => void): void {
    if (this.handled < this.limit && this.queue.length === 0) {
      start();
      return;
    }
    this.met = true;
    const sinceMs = this.options.monotonicMs();
    if (this.queue.length === 0) this.emptyMs = sinceMs;
    this.queue.push({ sinceMs, start, refuse });
  }

  /** A request's body is there and its handling begins. */
  begin(): void {
    if (++this.handled > this.peak) this.peak = this.handled;
  }

  /** … and has its answer. */
  end(): void {
    this.handled--;
    if (this.queue.length > 0 && this.handled < this.limit) this.next();
  }

  /** Refuses those that wait too long; to be called every few milliseconds. */
  tick(): void {
    if (this.queue.length === 0) return;
    const lateMs = this.lateMs();
    const late = this.queue.findIndex(({ sinceMs }) => sinceMs >= lateMs);
    for (const { refuse } of this.queue.splice(0, late < 0 ? this.queue.length : late)) refuse();
    // What left without being handled, a client that went away, freed a place and told nobody.
    while (this.queue.length > 0 && this.handled < this.limit && this.next());
  }

  /** Moves the limit; to be called every tenth of a second or so. */
  look({ loopMs, queueMs }: Delay): void {
    const { handledMin, handledMax, delayMsMax } = this.options;
    const delayMs = loopMs + queueMs;
    if (delayMs > delayMsMax) {
      const used = Math.min(this.limit, Math.max(this.peak, handledMin));
      this.limit = Math.max(handledMin, Math.floor(used * Math.max(SHRINK_MAX, delayMsMax / delayMs)));
    } else if (this.met) {
      this.limit = Math.min(handledMax, this.limit + Math.max(GROWTH_MIN, Math.floor(this.limit * GROWTH)));
    }
    this.met = false;
    this.peak = this.handled;
  }

  /** Requests that came before this have waited too long. */
  private lateMs(): number {
    const nowMs = this.options.monotonicMs();
    const overloaded = nowMs - this.emptyMs > OVERLOAD_AFTER_MS;
    return nowMs - (overloaded ? OVERLOAD_WAIT_MS : this.options.burstMsMax);
  }

  /** Starts one that waits and refuses those before it that wait too long; false when there was none to start. */
  private next(): boolean {
    const lateMs = this.lateMs();
    for (let first = this.queue.shift(); first; first = this.queue.shift()) {
      if (first.sinceMs < lateMs) first.refuse();
      else {
        first.start();
        return true;
      }
    }
    return false;
  }
}
