import { MessagingError, type CountRow, type Headers, type Messaging } from '@millrace/messaging';

/** One item as it is appended: its exact bytes and what the gateway knows beside them. */
export interface CapturedItem {
  readonly headers: Headers;
  readonly value: Buffer;
}

export interface GroupCommitLimits {
  /** Longest wait of a request for others to share its append, ms. */
  readonly lingerMsMax: number;
  /** An append is closed at this many items … */
  readonly batchItemsMax: number;
  /** … or bytes, whichever comes first. */
  readonly batchBytesMax: number;
  /** Appends under way at once, at most one per partition. */
  readonly inFlightMax: number;
  /** Bytes waiting or under way, over all requests; beyond it requests are refused. */
  readonly queueBytesMax: number;
  /** An append of unknown outcome is repeated under its id for this long, ms. */
  readonly retryMsMax: number;
}

export interface GroupCommitDeps {
  readonly messaging: Messaging;
  readonly topic: string;
  readonly partitions: readonly string[];
  readonly limits: GroupCommitLimits;
  /** A new UUID, for append ids and the incarnation. */
  readonly newId: () => string;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly onAppended?: (items: number, requests: number, bytes: number, ms: number) => void;
}

/** The queue holds as much as it may: nothing of the request was taken. */
export class QueueFullError extends Error {}

interface Waiting {
  readonly items: readonly CapturedItem[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: requests that arrive together are appended together, and each is answered once that one append is
 * durable. A request's items go into one append, in order.
 *
 * `submit` resolves after durability. It rejects with `QueueFullError` or the append's `MessagingError`;
 * `MESSAGING_UNKNOWN` means that the items may be in the log, and a caller must say so (503: retry with the same ids).
 *
 * Each partition's appends carry (incarnation, sequence): a reader that counts them sees a lost append as a gap.
 */
export class GroupCommit {
  readonly incarnation: string;
  private queue: Waiting[] = [];
  private queuedItems = 0;
  private queuedBytes = 0;
  private bytesHeld = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly idle: string[];
  private readonly sequences = new Map<string, number>();
  private underWay = 0;
  private drained: (() => void) | null = null;

  constructor(private readonly deps: GroupCommitDeps) {
    this.incarnation = deps.newId();
    this.idle = [...deps.partitions];
  }

  /** Bytes accepted from requests and not yet durable. */
  get heldBytes(): number {
    return this.bytesHeld;
  }

  submit(items: readonly CapturedItem[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const item of items) bytes += item.value.length;
    const { queueBytesMax, batchItemsMax, batchBytesMax } = this.deps.limits;
    if (this.bytesHeld > 0 && this.bytesHeld + bytes > queueBytesMax) {
      return Promise.reject(new QueueFullError(`more than ${queueBytesMax} bytes are waiting to be stored`));
    }
    this.bytesHeld += bytes;
    return new Promise((resolve, reject) => {
      this.queue.push({ items, bytes, resolve, reject });
      this.queuedItems += items.length;
      this.queuedBytes += bytes;
      if (this.queuedItems >= batchItemsMax || this.queuedBytes >= batchBytesMax) this.flush();
      else this.schedule();
    });
  }

  /** Resolves once everything submitted has been answered. */
  async drain(): Promise<void> {
    if (this.queue.length === 0 && this.underWay === 0) return;
    const done = new Promise<void>((resolve) => (this.drained = resolve));
    this.flush();
    await done;
  }

  private schedule(): void {
    if (this.timer || !this.mayAppend()) return;
    this.timer = setTimeout(() => this.flush(), this.deps.limits.lingerMsMax);
  }

  private mayAppend(): boolean {
    return this.underWay < this.deps.limits.inFlightMax && this.idle.length > 0;
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    while (this.queue.length > 0 && this.mayAppend()) void this.append(this.takeGroup());
  }

  /** The longest prefix of the queue within the batch limits; at least one request. */
  private takeGroup(): Waiting[] {
    const { batchItemsMax, batchBytesMax } = this.deps.limits;
    let taken = 0;
    let items = 0;
    let bytes = 0;
    for (const waiting of this.queue) {
      if (taken > 0 && (items + waiting.items.length > batchItemsMax || bytes + waiting.bytes > batchBytesMax)) break;
      taken++;
      items += waiting.items.length;
      bytes += waiting.bytes;
    }
    this.queuedItems -= items;
    this.queuedBytes -= bytes;
    return taken === this.queue.length ? this.queue.splice(0) : this.queue.splice(0, taken);
  }

  private async append(group: Waiting[]): Promise<void> {
    // Partitions in turn: the one idle longest.
    const partition = this.idle.shift() as string;
    this.underWay++;
    const began = this.deps.now();
    const records = group.length === 1 ? group[0].items : group.flatMap((w) => w.items);
    let bytes = 0;
    for (const waiting of group) bytes += waiting.bytes;
    const sequence = this.sequences.get(partition) ?? 0;
    try {
      const header = { appendId: this.deps.newId(), producer: { incarnation: this.incarnation, sequence }, counts: countBySourceAndHour(records) };
      await this.appendUntilKnown({ header, records }, partition, began + this.deps.limits.retryMsMax);
      this.sequences.set(partition, sequence + 1);
      this.deps.onAppended?.(records.length, group.length, bytes, this.deps.now() - began);
      for (const waiting of group) waiting.resolve();
    } catch (error) {
      // After an unknown outcome the number may be taken; a gap is honest, a number used twice is not.
      if (error instanceof MessagingError && error.code === 'MESSAGING_UNKNOWN') this.sequences.set(partition, sequence + 1);
      for (const waiting of group) waiting.reject(error);
    } finally {
      this.bytesHeld -= bytes;
      this.underWay--;
      this.idle.push(partition);
      if (this.queue.length > 0) this.flush();
      else if (this.underWay === 0) {
        this.drained?.();
        this.drained = null;
      }
    }
  }

  private async appendUntilKnown(batch: Parameters<Messaging['append']>[1], partition: string, deadline: number): Promise<void> {
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      try {
        await this.deps.messaging.append(this.deps.topic, batch, { partition });
        return;
      } catch (error) {
        const unknown = error instanceof MessagingError && error.code === 'MESSAGING_UNKNOWN';
        if (!unknown || this.deps.now() + waitMs > deadline) throw error;
        await this.deps.sleep(waitMs);
      }
    }
  }
}

/** Items by tenant, source and accept hour: what conservation counts as received. */
export function countBySourceAndHour(items: readonly CapturedItem[]): CountRow[] {
  const rows: { tenant: string; source: string; hour: string; count: number }[] = [];
  let last: Headers | null = null;
  let row = null as (typeof rows)[number] | null;
  for (const { headers } of items) {
    // Items of one request share their headers object, so most of a batch is counted by a pointer comparison.
    if (headers !== last) {
      last = headers;
      const hour = `${headers.at.slice(0, 13)}:00:00.000Z`;
      row = rows.find((r) => r.tenant === headers.tenant && r.source === headers.source && r.hour === hour) ?? null;
      if (!row) rows.push((row = { tenant: headers.tenant, source: headers.source, hour, count: 0 }));
    }
    (row as { count: number }).count++;
  }
  return rows;
}
