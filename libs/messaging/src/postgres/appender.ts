import { encodeFrame, FrameWriter } from '../codec';
import { type AppendLimits, checkBatch, place, type Placed } from '../placement';
import { type Appended, MessagingError, type RecordBatch } from '../port';
import { Backoff } from '../subscription/backoff';
import { delay, type Timers } from '../timers';
import { appendOne } from './append-statement';
import { isFull, isStalePlacement } from './errors';
import { SendBuffers } from './send-buffers';
import type { Sessions } from './session';
import type { TopicRow, Topics } from './topics';

export interface AppenderOptions {
  readonly sessions: Sessions;
  /** How many of them there are at most. */
  readonly sessionsMax: number;
  readonly topics: Topics;
  readonly timers: Timers;
  readonly limits: AppendLimits;
  /** How long an append of unknown outcome is repeated under its id. */
  readonly retryMs: number;
  readonly pendingMax: number;
  readonly pendingBytesMax: number;
  /** Makes room in a full topic; resolves to whether it did. */
  readonly makeRoom: (topic: string) => Promise<boolean>;
  /** An append broke off and is about to be repeated. */
  readonly onError: (error: unknown) => void;
  readonly onAppended: (topic: TopicRow, appended: readonly Appended[]) => void;
}

const RETRY_MIN_MS = 25;
const RETRY_MAX_MS = 1_000;
const PLACEMENTS_MAX = 5;
const APPEND = 'SELECT o_part, o_base, o_count FROM log.append($1, $2, $3, $4, $5, $6, $7, $8)';

interface AppendRow {
  readonly o_part: number;
  readonly o_base: string;
  readonly o_count: number;
}

/** Sends batches to `log.append`, and finds out what became of those whose connection broke. */
export class Appender {
  private pending = 0;
  private pendingBytes = 0;
  private idle: () => void = () => undefined;

  private readonly buffers: SendBuffers;

  constructor(private readonly options: AppenderOptions) {
    this.buffers = new SendBuffers(options.sessionsMax);
  }

  async append(topic: string, batch: RecordBatch, named?: string): Promise<Appended[]> {
    const bytes = checkBatch(batch, this.options.limits);
    if (batch.records.length === 0) {
      await this.options.topics.get(topic);
      return [];
    }
    const { pendingMax, pendingBytesMax } = this.options;
    if (this.pending >= pendingMax || (this.pending > 0 && this.pendingBytes + bytes > pendingBytesMax)) {
      throw new MessagingError('MESSAGING_UNAVAILABLE', `${this.pending} appends wait already`, { topic });
    }
    this.pending++;
    this.pendingBytes += bytes;
    try {
      return await this.untilKnown(topic, batch, named);
    } finally {
      this.pending--;
      this.pendingBytes -= bytes;
      if (this.pending === 0) this.idle();
    }
  }

  /** Resolves when no append is under way. */
  async settled(): Promise<void> {
    if (this.pending > 0) await new Promise<void>((resolve) => (this.idle = resolve));
  }

  private async untilKnown(topic: string, batch: RecordBatch, named?: string): Promise<Appended[]> {
    const { timers, retryMs } = this.options;
    const deadlineMs = timers.monotonicMs() + retryMs;
    const backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    let unknown: MessagingError | null = null;
    for (;;) {
      try {
        return await this.place(topic, batch, named);
      } catch (error) {
        const code = error instanceof MessagingError ? error.code : null;
        if (error instanceof MessagingError && code === 'MESSAGING_UNKNOWN') unknown = error;
        // Full, or no such topic: the engine looked, and the batch is not there.
        else if (!unknown || code !== 'MESSAGING_UNAVAILABLE') throw error;
        if (timers.monotonicMs() + backoff.peekMs() > deadlineMs) throw unknown;
        this.options.onError(error);
        await delay(timers, backoff.nextMs());
      }
    }
  }

  /** Sends the batch, placed anew when the topic has gained partitions, and once more when room could be made for it. */
  private async place(name: string, batch: RecordBatch, named?: string): Promise<Appended[]> {
    let roomMade = false;
    for (let placements = 1; ; placements++) {
      let topic = await this.options.topics.get(name);
      // A partition that is new to this process may have been added since it looked.
      if (named !== undefined && Number(named) >= topic.partitions) topic = await this.options.topics.load(name);
      try {
        return await this.send(topic, batch, named);
      } catch (error) {
        if (isStalePlacement(error) && placements < PLACEMENTS_MAX) {
          this.options.topics.forget(name);
        } else if (isFull(error)) {
          roomMade = !roomMade && (await this.options.makeRoom(name));
          if (roomMade) continue;
          throw new MessagingError('MESSAGING_FULL', `topic ${name} is full`, { cause: error, topic: name });
        } else throw error;
      }
    }
  }

  private async send(topic: TopicRow, batch: RecordBatch, named?: string): Promise<Appended[]> {
    const placed = place(batch, topic.partitions, named);
    const appended = (await this.sendOne(topic, batch, placed)) ?? (await this.sendParts(topic, batch, placed));
    this.options.onAppended(topic, appended);
    return appended;
  }

  /** The usual case, in fewer steps; null when it is not that. */
  private async sendOne(topic: TopicRow, batch: RecordBatch, placed: readonly Placed[]): Promise<Appended[] | null> {
    if (placed.length > 1) return null;
    const [{ partition, records }] = placed;
    const { sessions } = this.options;
    const frame = new FrameWriter(records);
    const stored = await appendOne(sessions, this.buffers, topic, partition, batch.header, frame, records.length);
    return stored && [stored];
  }

  private async sendParts(topic: TopicRow, batch: RecordBatch, placed: readonly Placed[]): Promise<Appended[]> {
    const frames = placed.map(({ records }) => encodeFrame(records));
    const rows = await this.options.sessions.query<AppendRow>('log.append', APPEND, [
      topic.id,
      topic.partitions,
      batch.header.appendId,
      placed.map(({ partition }) => partition),
      placed.map(({ records }) => records.length),
      frames.map((frame) => frame.length),
      JSON.stringify(batch.header),
      frames.length === 1 ? frames[0] : Buffer.concat(frames),
    ]);
    return rows.map((row) => ({ partition: String(row.o_part), base: Number(row.o_base), count: row.o_count }));
  }
}
