import { isTracing, withSpan } from '@millrace/observability';
import type { Messaging } from '../port';
import { Backoff } from '../subscription/backoff';
import { WakeUp } from '../subscription/wake-up';
import { MESSAGING_SYSTEM } from '../trace-work';
import { systemTimers, type Timers } from '../timers';

/** A message that a transaction left to be sent. */
export interface OutboxMessage {
  /** UUID of its append: sent again under it, after a crash or an unknown outcome, it is stored once. */
  readonly id: string;
  readonly topic: string;
  readonly json: string;
  /** W3C trace context of whoever left it. */
  readonly traceparent?: string | null;
}

/** Where the transactions of a service leave messages. */
export interface Outbox<M extends OutboxMessage = OutboxMessage> {
  /** What is to be sent now, in order; at most so many. */
  due(limit: number): Promise<readonly M[]>;
  /** These are durable in the log. */
  sent(messages: readonly M[]): Promise<void>;
}

export interface OutboxRelayOptions<M extends OutboxMessage> {
  readonly outbox: Outbox<M>;
  readonly messaging: Messaging;
  readonly onError: (error: unknown) => void;
  /** The outbox is looked through this often, and when woken, ms (default 1,000). */
  readonly pollMs?: number;
  /** A round that failed is tried again after `pollMs`, doubling up to this, ms (default 5,000). */
  readonly retryMsMax?: number;
  /** Messages a round (default 100). */
  readonly batchMax?: number;
  /** Called between an append and telling the outbox of it, so that a test can crash there. */
  readonly afterAppend?: () => Promise<void> | void;
  readonly timers?: Timers;
}

/** Messages offered while messaging is away; the outbox has them all, and the next look finds the rest. */
const OFFERED_MAX = 1_000;

/**
 * Sends what a service's transactions left in its outbox, in order, at least once: the outbox is told after the append
 * is durable. Two relays may run at once; they then repeat each other's appends, which changes nothing.
 */
export class OutboxRelay<M extends OutboxMessage = OutboxMessage> {
  private running: Promise<void> = Promise.resolve();
  private stopped = true;
  private offered: M[] = [];
  private look = false;
  private readonly timers: Timers;
  private readonly pollMs: number;
  private readonly news: WakeUp;
  private readonly stopping: WakeUp;
  private readonly backoff: Backoff;

  constructor(private readonly options: OutboxRelayOptions<M>) {
    this.timers = options.timers ?? systemTimers;
    this.pollMs = options.pollMs ?? 1_000;
    this.news = new WakeUp(this.timers);
    this.stopping = new WakeUp(this.timers);
    this.backoff = new Backoff(this.pollMs, Math.max(this.pollMs, options.retryMsMax ?? 5_000));
  }

  async start(): Promise<void> {
    this.stopped = false;
    this.running = this.run();
  }

  /** Sends what was offered, if messaging takes it, and stops. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.news.notify();
    this.stopping.notify();
    await this.running;
  }

  /** A transaction has just left messages. Returns at once. */
  wake(): void {
    this.look = true;
    this.news.notify();
  }

  /** A transaction has just left this message: it is sent without looking for it. Returns at once. */
  offer(message: M): void {
    if (this.offered.length < OFFERED_MAX) this.offered.push(message);
    this.news.notify();
  }

  /** One look through the outbox. Returns how many messages were sent. */
  async sweep(): Promise<number> {
    const messages = await this.options.outbox.due(this.options.batchMax ?? 100);
    await this.send(messages);
    return messages.length;
  }

  private async run(): Promise<void> {
    let lookAtMs = -Infinity;
    while (!this.stopped) {
      try {
        await this.sendOffered();
        if (this.look || this.timers.monotonicMs() >= lookAtMs) {
          this.look = false;
          while ((await this.sweep()) > 0 && !this.stopped);
          lookAtMs = this.timers.monotonicMs() + this.pollMs;
        }
        this.backoff.reset();
      } catch (error) {
        // What was taken out of memory stays in the outbox: looking there is the retry.
        this.options.onError(error);
        this.look = true;
        if (!this.stopped) await this.stopping.wait(this.backoff.nextMs());
        continue;
      }
      if (!this.stopped && !this.look && this.offered.length === 0)
        await this.news.wait(lookAtMs - this.timers.monotonicMs());
    }
    await this.sendOffered().catch(this.options.onError);
  }

  private async sendOffered(): Promise<void> {
    while (this.offered.length > 0) await this.send(this.offered.splice(0, this.options.batchMax ?? 100));
  }

  private async send(messages: readonly M[]): Promise<void> {
    if (messages.length === 0) return;
    for (const message of messages) await this.append(message);
    await this.options.afterAppend?.();
    await this.options.outbox.sent(messages);
  }

  private async append({ id, topic, json, traceparent }: M): Promise<void> {
    const headers: Record<string, string> = { 'content-type': 'application/json', ...(traceparent && { traceparent }) };
    const append = async (): Promise<void> => {
      await this.options.messaging.append(topic, {
        header: { appendId: id, ...(traceparent && { traceparent }) },
        records: [{ key: null, headers, value: Buffer.from(json) }],
      });
    };
    if (!isTracing() || !traceparent) return append();
    const attributes = {
      'messaging.system': MESSAGING_SYSTEM,
      'messaging.destination.name': topic,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.message.id': id,
    };
    await withSpan(`send ${topic}`, { kind: 'producer', parent: traceparent, attributes }, append);
  }
}
