import { type BatchHeader, MessagingError, type RecordBatch } from '@millrace/messaging';
import type { CapturedItem } from './append-queue';
import { countItems } from './count-items';
import type { CommitTimers } from './group-commit';

export interface NumberedAppendsDeps {
  /** Appends to one partition; resolves once that is durable, rejects with a MessagingError. */
  readonly append: (batch: RecordBatch, partition: string) => Promise<unknown>;
  /** A new UUID, for append ids and the incarnation. */
  readonly newId: () => string;
  readonly timers: CommitTimers;
  /** Makes the records that are appended of the items, one of each: default the items as they are. */
  readonly seal?: (items: readonly CapturedItem[]) => readonly CapturedItem[] | Promise<readonly CapturedItem[]>;
  /** An append of unknown outcome is repeated under its id for this long, ms. */
  readonly retryMsMax: number;
}

const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;
const REFUSED_FOR_SURE: ReadonlySet<string> = new Set(['MESSAGING_FULL', 'MESSAGING_TOO_LARGE', 'MESSAGING_NO_TOPIC']);

/**
 * The appends of this process: each with an id, counts, and a number of its partition. (incarnation, number) never names
 * two appends; a reader that counts sees a lost one as a gap. One append of a partition at a time.
 */
export class NumberedAppends {
  readonly incarnation: string;
  private readonly next = new Map<string, number>();

  constructor(private readonly deps: NumberedAppendsDeps) {
    this.incarnation = deps.newId();
  }

  /** Repeats an append under its id until it is known to be stored, or known not to be, or has taken too long. */
  async append(items: readonly CapturedItem[], partition: string): Promise<void> {
    const { timers, retryMsMax, seal } = this.deps;
    const sealed = seal ? seal(items) : items;
    const records = sealed instanceof Promise ? await sealed : sealed;
    const header = this.headerOf(items, partition);
    const deadlineMs = timers.monotonicMs() + retryMsMax;
    let unknown: MessagingError | null = null;
    for (let waitMs = RETRY_MIN_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        await this.deps.append({ header, records }, partition);
        this.advance(partition);
        return;
      } catch (error) {
        const code = error instanceof MessagingError ? error.code : null;
        if (code === 'MESSAGING_UNKNOWN') unknown = error as MessagingError;
        // Once it may have happened, only an engine that looked can say that it did not.
        else if (!unknown || (code !== null && REFUSED_FOR_SURE.has(code))) throw error;
        if (code === 'MESSAGING_CLOSED' || timers.monotonicMs() + waitMs > deadlineMs) {
          // The number may be taken: a gap is honest, a number used twice is not.
          this.advance(partition);
          throw unknown;
        }
        await new Promise<void>((resolve) => void timers.after(waitMs, resolve));
      }
    }
  }

  private headerOf(items: readonly CapturedItem[], partition: string): BatchHeader {
    const producer = { incarnation: this.incarnation, sequence: this.next.get(partition) ?? 0 };
    return { appendId: this.deps.newId(), producer, counts: countItems(items) };
  }

  private advance(partition: string): void {
    this.next.set(partition, (this.next.get(partition) ?? 0) + 1);
  }
}
