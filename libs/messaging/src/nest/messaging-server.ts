import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { Messaging } from '../port';
import type { Timers } from '../timers';
import { TopicListener } from './topic-listener';

export interface MessagingServerOptions {
  readonly messaging: Messaging;
  /**
   * Group of handlers that name none with `@EventPattern(topic, { group })`. Default null: each process hears what is
   * sent while it runs, which is what a wake-up needs.
   */
  readonly group?: string | null;
  /** A message whose handler failed is handled again after this long, doubling up to `retryMsMax` (defaults 100 and 30,000). */
  readonly retryMs?: number;
  readonly retryMsMax?: number;
  readonly timers?: Timers;
  /** Told of failures that are being retried, and of messages that are not JSON, which are passed over. */
  readonly onError?: (error: unknown, topic: string) => void;
}

/**
 * Nest's transport over the messaging port: `@EventPattern('tables.changed')` methods get each message's JSON, at least
 * once under a group, and its MessageContext. A message counts as handled when all its handlers of the group have
 * returned; when one throws, the message comes again and those after it wait.
 *
 * Events only: `@MessagePattern` (request and reply) is refused when the application starts.
 */
export class MessagingServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('messaging');
  private readonly listeners = new Map<string, TopicListener>();

  constructor(private readonly options: MessagingServerOptions) {
    super();
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: { group?: string | null } = {},
  ): void {
    const topic = this.normalizePattern(pattern as string);
    if (!isEventHandler) throw new Error(`messages of ${topic} have no reply: use @EventPattern`);
    const group = extras.group === undefined ? (this.options.group ?? null) : extras.group;
    const key = JSON.stringify([topic, group]);
    let listener = this.listeners.get(key);
    if (!listener) {
      listener = new TopicListener(topic, group, this.options);
      this.listeners.set(key, listener);
      this.messageHandlers.set(key, callback);
    }
    listener.handlers.push(callback);
  }

  /** Calls back when every topic has been subscribed to once or could not be; those are tried again from then on. */
  listen(callback: (error?: unknown) => void): void {
    const started = [...this.listeners.values()].map((listener) => listener.start());
    void Promise.all(started).then(() => callback());
  }

  /** True, or the first topic that is not subscribed to. */
  ready(): boolean | string {
    const missing = [...this.listeners.values()].find((listener) => !listener.subscribed);
    return missing === undefined || `not subscribed to ${missing.topic}`;
  }

  async close(): Promise<void> {
    await Promise.all([...this.listeners.values()].map((listener) => listener.stop()));
  }

  on(): never {
    throw new Error('this transport emits no events');
  }

  unwrap<T>(): T {
    return this.options.messaging as T;
  }
}
