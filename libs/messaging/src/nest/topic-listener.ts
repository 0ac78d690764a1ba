import { withSpan } from '@millrace/observability';
import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Delivery, Subscription } from '../port';
import { Backoff } from '../subscription/backoff';
import { WakeUp } from '../subscription/wake-up';
import { systemTimers } from '../timers';
import { MESSAGING_SYSTEM } from '../trace-work';
import { type Message, MessageContext } from './message-context';
import type { MessagingServerOptions } from './messaging-server';

/** One topic read for one group, message by message, by the handlers that asked for it. */
export class TopicListener {
  readonly handlers: MessageHandler[] = [];
  private subscription: Subscription | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  private readonly backoff: Backoff;
  private readonly pause: WakeUp;
  /** The next message to handle of each partition, where a delivery failed half-way. */
  private readonly reached = new Map<string, number>();

  constructor(
    readonly topic: string,
    private readonly group: string | null,
    private readonly options: MessagingServerOptions,
  ) {
    this.backoff = new Backoff(options.retryMs ?? 100, options.retryMsMax ?? 30_000);
    this.pause = new WakeUp(options.timers ?? systemTimers);
  }

  get subscribed(): boolean {
    return this.subscription !== null;
  }

  /** Resolves after the first attempt to subscribe, whatever came of it. */
  async start(): Promise<void> {
    await this.subscribe();
    this.running = this.run();
  }

  /** Finishes the message under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.pause.notify();
    await this.subscription?.close();
    await this.running;
  }

  private async subscribe(): Promise<void> {
    try {
      this.subscription = await this.options.messaging.subscribe({
        topic: this.topic,
        group: this.group,
        eventsMax: 100,
        inFlightMax: 1,
      });
      if (this.stopped) await this.subscription.close();
      this.backoff.reset();
    } catch (error) {
      this.report(error);
    }
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (!this.subscription) {
        await this.pause.wait(this.backoff.nextMs());
        if (!this.stopped) await this.subscribe();
        continue;
      }
      let delivery: Delivery | null;
      try {
        delivery = await this.subscription.next();
      } catch (error) {
        this.report(error);
        // Of a group nothing may be passed over: its other partitions go on. What an ephemeral reader missed it cannot
        // have back, so it begins again at the end.
        if (this.group !== null) continue;
        await this.subscription.close();
        this.subscription = null;
        continue;
      }
      if (!delivery) return;
      await this.handleAll(delivery);
    }
  }

  private async handleAll(delivery: Delivery): Promise<void> {
    try {
      for (const batch of delivery.batches) {
        for (const record of batch.records) {
          if (delivery.signal.aborted) return;
          if (record.offset !== null && record.offset < (this.reached.get(delivery.partition) ?? 0)) continue;
          const { topic, partition, signal } = delivery;
          await this.handle({ topic, partition, signal, record, batch: batch.header, appendedAt: batch.appendedAt });
          if (record.offset !== null) this.reached.set(partition, record.offset + 1);
        }
      }
      await delivery.ack();
      this.backoff.reset();
    } catch (error) {
      this.report(error);
      await delivery.nack(this.backoff.nextMs());
    }
  }

  private async handle(message: Message): Promise<void> {
    let value: unknown;
    try {
      value = JSON.parse(message.record.value.toString('utf8'));
    } catch (cause) {
      this.report(new Error(`a message of ${this.topic} is not JSON`, { cause }));
      return;
    }
    const context = new MessageContext(message);
    const attributes = {
      'messaging.system': MESSAGING_SYSTEM,
      'messaging.destination.name': this.topic,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      ...(this.group !== null && { 'messaging.consumer.group.name': this.group }),
    };
    await withSpan(`process ${this.topic}`, { kind: 'consumer', parent: context.traceparent, attributes }, async () => {
      for (const handler of this.handlers) {
        // Nest turns what a handler throws into a failing stream.
        const result: unknown = await handler(value, context);
        if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      }
    });
  }

  private report(error: unknown): void {
    this.options.onError?.(error, this.topic);
  }
}
