import { type Clock, systemClock } from '@millrace/observability';
import { newAppendId } from '../append-id';
import { APPEND_LIMITS, checkBatch } from '../placement';
import {
  type Appended,
  type Backlog,
  type Messaging,
  MessagingError,
  type RecordBatch,
  type SubscribeOptions,
  type TopicOptions,
} from '../port';
import { LogSubscription } from '../subscription/log-subscription';
import type { LogSource } from '../subscription/source';
import { systemTimers, type Timers } from '../timers';
import { MemoryLog } from './memory-log';
import { memoryBacklog } from './memory-backlog';
import { trimMemory } from './memory-trim';

export { MemoryLog };

/** What a fault is injected around. */
export type MemoryOperation = 'append' | 'read' | 'ends' | 'tend' | 'acknowledge' | 'release' | 'leave';

export interface MemoryMessagingOptions {
  /** Share one to stand for several processes on one broker. Default: a log of its own. */
  readonly log?: MemoryLog;
  /** Of the default log; leases, ages and `appendedAt` follow it. */
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly leaseMs?: number;
  readonly graceMs?: number;
  readonly pollMs?: number;
  /** Batches younger than this are not trimmed, because their append may still be repeated. */
  readonly keepMs?: number;
  readonly memberId?: string;
  /** Awaited before and after the effect of each operation: may wait, or throw what the operation is to fail with. */
  readonly fault?: (operation: MemoryOperation, phase: 'before' | 'after') => void | Promise<void>;
  readonly onError?: (error: unknown) => void;
}

export interface MemoryMessaging extends Messaging {
  readonly log: MemoryLog;
  /** Stops as a killed process would: nothing is released, leases run out. */
  crash(): void;
}

/** The port in memory: one process's view of a MemoryLog, with the semantics of the Postgres engine. */
export function createMemoryMessaging(options: MemoryMessagingOptions = {}): MemoryMessaging {
  return new Engine(options);
}

class Engine implements MemoryMessaging {
  readonly log: MemoryLog;
  private readonly timers: Timers;
  private readonly subscriptions = new Set<LogSubscription>();
  private readonly memberId: string;
  private joined = 0;
  private closed = false;

  constructor(private readonly options: MemoryMessagingOptions) {
    this.log = options.log ?? new MemoryLog(options.clock ?? systemClock);
    this.timers = options.timers ?? systemTimers;
    this.memberId = options.memberId ?? newAppendId();
  }

  async ensureTopic(topic: string, options: TopicOptions): Promise<void> {
    this.assertOpen();
    this.log.ensureTopic(topic, options);
  }

  async ensureGroup(topic: string, group: string, from: 'earliest' | 'latest' = 'earliest'): Promise<void> {
    this.assertOpen();
    this.log.topic(topic).ensureGroup(group, from);
  }

  async append(topic: string, batch: RecordBatch, options?: { readonly partition?: string }): Promise<Appended[]> {
    this.assertOpen();
    checkBatch(batch, APPEND_LIMITS);
    return this.faulty('append', () => this.log.topic(topic).append(batch, options?.partition, this.keepMs));
  }

  async subscribe(options: SubscribeOptions): Promise<LogSubscription> {
    this.assertOpen();
    const topic = this.log.topic(options.topic);
    const source: LogSource = {
      topic: options.topic,
      ends: () => this.faulty('ends', () => this.endsOf(options.topic)),
      read: (partition, from, limits) => this.faulty('read', () => topic.read(partition, from, limits)),
      listen: (listener) => {
        topic.listeners.add(listener);
        return () => topic.listeners.delete(listener);
      },
    };
    const subscription: LogSubscription = new LogSubscription(
      {
        source,
        membership: options.group === null ? null : this.membership(options.topic, options.group, options.from),
        timers: this.timers,
        timing: {
          leaseMs: this.options.leaseMs ?? 10_000,
          pollMs: this.options.pollMs ?? 1_000,
          graceMs: this.options.graceMs ?? 5_000,
        },
        onError: this.options.onError ?? (() => undefined),
        onClosed: () => this.subscriptions.delete(subscription),
      },
      options,
    );
    this.subscriptions.add(subscription);
    return subscription.start().catch((error) => {
      this.subscriptions.delete(subscription);
      throw error;
    });
  }

  async ends(topic: string): Promise<ReadonlyMap<string, number>> {
    this.assertOpen();
    return new Map([...this.endsOf(topic)].map(([partition, end]) => [String(partition), end]));
  }

  async committed(topic: string, group: string): Promise<ReadonlyMap<string, number>> {
    this.assertOpen();
    const positions = this.log.topic(topic).groups.get(group)?.positions ?? [];
    return new Map(positions.map(({ next }, partition) => [String(partition), next]));
  }

  async backlog(topic: string): Promise<Backlog> {
    this.assertOpen();
    return memoryBacklog(this.log.topic(topic));
  }

  async trim(topic: string): Promise<number> {
    this.assertOpen();
    return trimMemory(this.log.topic(topic), this.keepMs);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.subscriptions].map((subscription) => subscription.close()));
  }

  crash(): void {
    this.closed = true;
    for (const subscription of this.subscriptions) subscription.abandon();
  }

  private get keepMs(): number {
    return this.options.keepMs ?? 60_000;
  }

  private membership(topic: string, name: string, from?: 'earliest' | 'latest') {
    const log = this.log.topic(topic);
    const member = `${this.memberId}/${++this.joined}`;
    const group = log.ensureGroup(name, from ?? 'earliest');
    const inner = group.membership(member, this.options.leaseMs ?? 10_000, () => log.tellGroupChanged(name));
    return {
      tend: (held: Parameters<typeof inner.tend>[0]) => this.faulty('tend', () => inner.tend(held)),
      acknowledge: (held: Parameters<typeof inner.acknowledge>[0]) =>
        this.faulty('acknowledge', () => inner.acknowledge(held)),
      release: (held: Parameters<typeof inner.release>[0]) => this.faulty('release', () => inner.release(held)),
      leave: () => this.faulty('leave', () => inner.leave()),
    };
  }

  private endsOf(topic: string): Map<number, number> {
    return new Map(this.log.topic(topic).partitions.map(({ next }, partition) => [partition, next]));
  }

  private async faulty<T>(operation: MemoryOperation, effect: () => T | Promise<T>): Promise<T> {
    await this.options.fault?.(operation, 'before');
    const result = await effect();
    await this.options.fault?.(operation, 'after');
    return result;
  }

  private assertOpen(): void {
    if (this.closed) throw new MessagingError('MESSAGING_CLOSED', 'messaging is closed');
  }
}
