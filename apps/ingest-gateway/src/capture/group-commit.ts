import { AppendQueue, type CapturedItem, type Waiting, weightOf } from './append-queue';
import { NumberedAppends, type NumberedAppendsDeps } from './numbered-appends';
import { PartitionTurns } from './partition-turns';

export interface GroupCommitLimits {
  /** Longest wait of a request for others to share its append while there is room for that append, ms. */
  readonly lingerMsMax: number;
  /** An append is closed at this many items … */
  readonly batchItemsMax: number;
  /** … or bytes, whichever comes first. */
  readonly batchBytesMax: number;
  /** Appends under way at once, at most one per partition. */
  readonly inFlightMax: number;
  /** Items that go to one partition before it is the next one's turn. */
  readonly turnItems: number;
  /** Memory of items waiting or under way, over all requests, bytes; beyond it requests are refused. */
  readonly queueBytesMax: number;
  /** A request that waits longer than this for its append to begin is refused, ms. */
  readonly queueMsMax: number;
  /** An append of unknown outcome is repeated under its id for this long, ms. */
  readonly retryMsMax: number;
}

/** Waits, injected so that a simulation can own them. */
export interface CommitTimers {
  /** Milliseconds from an arbitrary origin; never steps backwards. */
  monotonicMs(): number;
  /** Calls `fn` once after `ms`, unless cancelled by the result. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` once, after what has arrived by now was handled. */
  soon(fn: () => void): void;
}

/** Told of each append that ended: by success, or by the error that its requests were refused with. */
export interface CommitObserver {
  onAppended(items: number, requests: number, bytes: number, ms: number): void;
  onFailed(error: unknown): void;
}

export interface GroupCommitDeps extends Pick<NumberedAppendsDeps, 'append' | 'newId' | 'seal'> {
  readonly partitions: readonly string[];
  readonly limits: GroupCommitLimits;
  readonly timers: CommitTimers;
  readonly observer?: CommitObserver;
}

/** The queue holds as much as it may: nothing of the request was taken. */
export class QueueFullError extends Error {}
/** The request waited too long for its turn: nothing of it was taken. */
export class QueueTimeoutError extends Error {}

/** How much of the memory of a busier time is left after an append. */
const OPEN_DECAY = 0.98;

/**
 * Group commit: requests that arrive together are appended together, and each is answered once that one append is
 * durable. A request's items go into one append, in order.
 *
 * An append begins when half of those who could share it are there, or when a turn of the event loop brings no further
 * request; a second one beside it also when its first request has waited for the linger. So a single caller waits for
 * nobody, and many share.
 *
 * `submit` resolves after durability. It rejects with `QueueFullError`, `QueueTimeoutError` or the append's
 * `MessagingError` (or with what `seal` failed of); `MESSAGING_UNKNOWN` means that the items may be in the log, and a caller must say so (503: retry with
 * the same ids).
 */
export class GroupCommit {
  private readonly queue = new AppendQueue();
  private readonly turns: PartitionTurns;
  private readonly appends: NumberedAppends;
  private held = 0;
  private underWay = 0;
  /** Requests not yet answered, and about the most of them at a time. */
  private open = 0;
  private openLately = 0;
  /** Whether a look at the queue is due, and with how many requests in it at the last look. */
  private looking = false;
  private seen = 0;
  private expiry: (() => void) | null = null;
  private linger: (() => void) | null = null;
  private drained: (() => void)[] = [];

  constructor(private readonly deps: GroupCommitDeps) {
    const { append, newId, seal, timers, limits } = deps;
    this.appends = new NumberedAppends({ append, newId, seal, timers, retryMsMax: limits.retryMsMax });
    this.turns = new PartitionTurns(deps.partitions, limits.turnItems);
  }

  /** Memory of items accepted from requests and not yet durable, bytes. */
  get heldBytes(): number {
    return this.held;
  }

  /** How long the request that waits longest for its append to begin has waited, ms. */
  get waitingMs(): number {
    const { first } = this.queue;
    return first ? this.deps.timers.monotonicMs() - first.sinceMs : 0;
  }

  submit(items: readonly CapturedItem[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const item of items) bytes += item.value.length;
    const weight = weightOf({ items, bytes });
    const { queueBytesMax } = this.deps.limits;
    // A request alone may always be taken, however large.
    if (this.held > 0 && this.held + weight > queueBytesMax) {
      return Promise.reject(new QueueFullError(`more than ${queueBytesMax} bytes wait to be stored`));
    }
    this.held += weight;
    return new Promise((resolve, reject) => {
      this.queue.push({ items, bytes, sinceMs: this.deps.timers.monotonicMs(), resolve, reject });
      if (++this.open > this.openLately) this.openLately = this.open;
      this.look();
    });
  }

  /** Resolves once everything submitted has been answered. */
  async drain(): Promise<void> {
    if (this.queue.requests === 0 && this.underWay === 0) return;
    await new Promise<void>((resolve) => this.drained.push(resolve));
  }

  private mayAppend(): boolean {
    return this.queue.requests > 0 && this.underWay < this.deps.limits.inFlightMax && this.turns.anyIdle;
  }

  /** Sees to it that what waits is appended, or refused when that takes too long. */
  private look(): void {
    if (this.queue.requests === 0) return;
    const { timers, limits } = this.deps;
    this.expiry ??= timers.after(limits.queueMsMax, () => this.expire());
    if (!this.mayAppend()) return;
    if (this.isLarge()) this.flush();
    else if (this.underWay > 0) this.linger ??= timers.after(limits.lingerMsMax, () => this.lingered());
    else if (!this.looking) {
      this.looking = true;
      this.seen = this.queue.requests;
      timers.soon(() => this.lookAgain());
    }
  }

  /**
   * Half of the requests that are open at a time, as seen lately: one half is stored while the other half's answers go
   * out and its callers come back. With all of them in one append, everyone waits for the disk together.
   */
  private isLarge(): boolean {
    const { batchItemsMax, batchBytesMax } = this.deps.limits;
    const { requests, items, bytes } = this.queue;
    return requests * 2 >= this.openLately || items >= batchItemsMax || bytes >= batchBytesMax;
  }

  private lookAgain(): void {
    this.looking = false;
    const { first } = this.queue;
    if (!first || !this.mayAppend()) return;
    const { timers, limits } = this.deps;
    const company = this.queue.requests > this.seen;
    if (company && timers.monotonicMs() - first.sinceMs < limits.lingerMsMax) this.look();
    else this.flush();
  }

  private lingered(): void {
    this.linger = null;
    this.flush();
  }

  private flush(): void {
    const { batchItemsMax, batchBytesMax } = this.deps.limits;
    this.linger?.();
    this.linger = null;
    while (this.mayAppend()) void this.append(this.queue.takeGroup(batchItemsMax, batchBytesMax));
  }

  private expire(): void {
    this.expiry = null;
    const { timers, limits } = this.deps;
    const late = this.queue.takeOlder(timers.monotonicMs() - limits.queueMsMax + 1);
    const error = new QueueTimeoutError(`waited more than ${limits.queueMsMax} ms for an append`);
    for (const waiting of late) {
      this.held -= weightOf(waiting);
      this.open--;
      waiting.reject(error);
    }
    const { first } = this.queue;
    if (first)
      this.expiry = timers.after(first.sinceMs + limits.queueMsMax - timers.monotonicMs(), () => this.expire());
    this.settle();
  }

  private async append(group: readonly Waiting[]): Promise<void> {
    this.underWay++;
    const { timers, observer } = this.deps;
    const beganMs = timers.monotonicMs();
    const records = group.length === 1 ? group[0].items : group.flatMap(({ items }) => items);
    const partition = this.turns.take(records.length);
    try {
      await this.appends.append(records, partition);
      for (const waiting of group) waiting.resolve();
      const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0);
      observer?.onAppended(records.length, group.length, bytes, timers.monotonicMs() - beganMs);
    } catch (error) {
      for (const waiting of group) waiting.reject(error);
      observer?.onFailed(error);
    } finally {
      for (const waiting of group) this.held -= weightOf(waiting);
      this.underWay--;
      this.turns.giveBack(partition);
      this.openLately = Math.max(this.open, this.openLately * OPEN_DECAY);
      this.open -= group.length;
      this.look();
      this.settle();
    }
  }

  private settle(): void {
    if (this.queue.requests > 0 || this.underWay > 0) return;
    this.expiry?.();
    this.expiry = null;
    for (const resolve of this.drained.splice(0)) resolve();
  }
}
