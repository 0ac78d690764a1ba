import type { Failpoint } from '@millrace/observability/failpoints';
import { type Delivery, type Messaging, MessagingError, type Subscription } from '@millrace/messaging';
import type { Landed } from '../landing/land-batch';
import type { Lander } from '../landing/lander';
import type { LandingStore } from '../landing/port';
import type { Logger } from '@millrace/observability';
import { OwnedPartition } from './partition';
import { Semaphore } from './semaphore';
import type { Timers } from './timers';

export interface SessionOptions {
  readonly topic: string;
  readonly group: string;
  /** Events of one landing, at most. */
  readonly eventsMax: number;
  /** Bytes of one landing, at most, unless a single event is larger. */
  readonly bytesMax: number;
  /** A landing of fewer than `eventsMax` events waits this long for more. */
  readonly lingerMs: number | (() => number);
  /** Deliveries in memory at once, over all partitions; nothing more is read beyond it. */
  readonly deliveriesMax: number;
  /** Landings under way at once, over all partitions. */
  readonly landingsMax: number;
  readonly heartbeatMs: number;
}

export interface SessionDeps {
  readonly messaging: Messaging;
  readonly store: LandingStore;
  readonly lander: Lander;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly onLanded: (landed: Landed) => void;
  /** How long an event that is put aside waits for its next try, ms. */
  readonly retryInMs: () => number;
  /** Called with the epoch each time the worker is known to be alive. */
  readonly onHeartbeat?: (epoch: number) => void;
}

/** Deliveries read ahead of each partition. */
const IN_FLIGHT_MAX = 2;

/**
 * One epoch of a worker: from its registration until it stops, or is found to be dead. Reads no more than it can hold,
 * and lands the partitions side by side.
 */
export class Session {
  readonly partitions = new Map<string, OwnedPartition>();
  /** By partition, the assignment that is in force: one may be revoked and given again while it is being taken. */
  private readonly assigned = new Map<string, symbol>();
  private readonly abort = new AbortController();
  private readonly held: Semaphore;
  private readonly lanes: Semaphore;
  private readonly running = new Set<Promise<void>>();
  private subscription: Subscription | null = null;
  private endHeartbeats: () => void = () => undefined;
  private closing: Promise<void> | null = null;

  constructor(
    readonly epoch: number,
    private readonly deps: SessionDeps,
    private readonly options: SessionOptions,
  ) {
    this.held = new Semaphore(options.deliveriesMax);
    this.lanes = new Semaphore(options.landingsMax);
  }

  get inFlight(): number {
    return this.held.taken;
  }

  /** Runs until `close` is called. Rejects when the epoch is dead or the subscription fails. */
  async run(): Promise<void> {
    const { topic, group, eventsMax, bytesMax, lingerMs } = this.options;
    this.beat();
    try {
      this.subscription = await this.deps.messaging.subscribe({
        ...{ topic, group, eventsMax, bytesMax, lingerMs, inFlightMax: IN_FLIGHT_MAX },
        onAssigned: (partition) => this.take(partition),
        onRevoked: (partition) => {
          this.assigned.delete(partition);
          this.partitions.delete(partition);
        },
      });
      while (!this.closing) {
        const release = await this.held.acquire();
        const delivery = await this.read();
        if (!delivery) {
          release();
          break;
        }
        this.handle(delivery, release);
      }
    } finally {
      await this.close();
    }
    if (this.abort.signal.aborted) throw this.abort.signal.reason;
  }

  /** Reads no more, lets what is under way land, and gives the partitions up. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** Gives up at once: for a worker that is dead already, or one that must not take longer. */
  cancel(reason: unknown): void {
    this.abort.abort(reason);
    void this.close();
  }

  private async shutDown(): Promise<void> {
    // Closing the subscription ends the wait for a delivery; what is in flight may still be acknowledged meanwhile.
    const closed = this.subscription?.close();
    while (this.running.size > 0) await Promise.all(this.running);
    for (const partition of this.partitions.values()) await partition.handBack();
    await closed?.catch((error: unknown) => this.deps.logger.warn({ error }, 'the subscription did not close'));
    this.endHeartbeats();
    this.partitions.clear();
  }

  private async read(): Promise<Delivery | null> {
    for (;;) {
      try {
        return (await this.subscription?.next()) ?? null;
      } catch (error) {
        if (this.closing) return null;
        // The engine lets that partition rest; it is never reset, and the others go on.
        if (!(error instanceof MessagingError && error.code === 'MESSAGING_POSITION_LOST')) throw error;
        this.deps.logger.error(
          { topic: this.options.topic, error },
          'the log no longer holds the position of a partition; it stops',
        );
        const partition = lostPartition(error);
        const owned = partition === null ? undefined : this.partitions.get(partition);
        if (owned) owned.stopped = error.message;
      }
    }
  }

  private handle(delivery: Delivery, release: () => void): void {
    const owned = this.partitions.get(delivery.partition) ?? this.withoutPositions(delivery);
    if (!owned) return release();
    const done = owned.handle(delivery).finally(() => {
      release();
      this.running.delete(done);
    });
    this.running.add(done);
  }

  /** Takes a partition over; what it returns is where the subscription begins to read. */
  private async take(partition: string): Promise<number> {
    const { store, messaging, logger } = this.deps;
    const { topic, group } = this.options;
    const assignment = Symbol(partition);
    this.assigned.set(partition, assignment);
    const start = (await messaging.committed(topic, group)).get(partition) ?? 0;
    // Lost meanwhile: taking it now would take it from its new owner.
    if (this.assigned.get(partition) !== assignment)
      throw new Error(`partition ${partition} was revoked before it was taken`);
    const id = { topic, partition };
    const position = await store.take(id, this.epoch, start);
    await this.deps.failpoint('partition-taken');
    // A later assignment may be landing by now, from where this one knows nothing of.
    if (this.assigned.get(partition) === assignment) this.partitions.set(partition, this.own(partition, position));
    logger.info(
      { topic, partition, position: position.next, attempt: position.attempts, epoch: this.epoch },
      'partition taken',
    );
    return position.next;
  }

  /** Where the engine has no positions it assigns no partitions either. */
  private withoutPositions(delivery: Delivery): OwnedPartition | null {
    if (delivery.range) return null;
    const owned = this.own(delivery.partition, { next: 0, attempts: 0, suspectTo: null });
    this.partitions.set(delivery.partition, owned);
    return owned;
  }

  private own(partition: string, position: ConstructorParameters<typeof OwnedPartition>[2]): OwnedPartition {
    const { store, lander, failpoint, timers, logger, onLanded, retryInMs } = this.deps;
    return new OwnedPartition({ topic: this.options.topic, partition }, this.epoch, position, {
      ...{ store, lander, failpoint, timers, logger, onLanded, retryInMs },
      lanes: this.lanes,
      onFatal: (error) => this.cancel(error),
      sessionSignal: this.abort.signal,
    });
  }

  private beat(): void {
    const beat = async (): Promise<void> => {
      try {
        if (await this.deps.store.heartbeat(this.epoch)) this.deps.onHeartbeat?.(this.epoch);
        else this.cancel(new Error(`worker epoch ${this.epoch} was declared dead`));
      } catch (error) {
        this.deps.logger.debug({ epoch: this.epoch, error }, 'heartbeat failed');
      }
    };
    this.endHeartbeats = this.deps.timers.every(this.options.heartbeatMs, () => void beat());
  }
}

function lostPartition(error: MessagingError): string | null {
  const { partition } = error as { partition?: unknown };
  return typeof partition === 'string' ? partition : null;
}
