import type { Delivery, SubscribeOptions, Subscription } from '../port';
import { MessagingError } from '../port';
import type { Timers } from '../timers';
import { Acknowledger } from './acknowledger';
import { Backoff } from './backoff';
import { LeaseKeeper } from './lease-keeper';
import { asDelivery, type Pace, type PartitionReader } from './partition-reader';
import { PartitionSet } from './partition-set';
import type { Claim, Held, LogSource, Membership, ReadLimits } from './source';
import { WakeUp } from './wake-up';

export interface SubscriptionTiming {
  readonly leaseMs: number;
  /** Without word of appends, ends are looked up this often. */
  readonly pollMs: number;
  /** How long `close`, and giving a partition up to a new member, waits for deliveries in flight. */
  readonly graceMs: number;
}

export interface SubscriptionParts {
  readonly source: LogSource;
  /** Null for an ephemeral reader. */
  readonly membership: Membership | null;
  readonly timers: Timers;
  readonly timing: SubscriptionTiming;
  /** Told of failures that are being retried. */
  readonly onError: (error: unknown) => void;
  readonly onClosed?: () => void;
}

const EVENTS_MAX = 5_000;
const BYTES_MAX = 16 * 1024 * 1024;
const IN_FLIGHT_MAX = 3;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

/** A subscription over any log with positions and leases; see the port for what it promises. */
export class LogSubscription implements Subscription {
  private readonly readers: PartitionSet;
  private readonly wake: WakeUp;
  private readonly limits: ReadLimits;
  private readonly pace: Pace;
  private readonly keeper: LeaseKeeper | null = null;
  private readonly acknowledger: Acknowledger | null = null;
  private readonly backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  private unlisten: () => void = () => undefined;
  private cancelPoll: () => void = () => undefined;
  private closing: Promise<void> | null = null;
  private busy = false;

  constructor(
    private readonly parts: SubscriptionParts,
    private readonly options: SubscribeOptions,
  ) {
    const { timers, membership, timing } = parts;
    this.wake = new WakeUp(timers);
    this.readers = new PartitionSet(options.topic, membership === null, timers);
    this.limits = {
      eventsMax: atLeastOne(options.eventsMax ?? EVENTS_MAX, 'eventsMax'),
      bytesMax: atLeastOne(options.bytesMax ?? BYTES_MAX, 'bytesMax'),
      headersOnly: options.headersOnly ?? false,
    };
    const { lingerMs = 0 } = options;
    this.pace = {
      eventsMax: this.limits.eventsMax,
      get lingerMs() {
        return typeof lingerMs === 'function' ? lingerMs() : lingerMs;
      },
      inFlightMax: atLeastOne(options.inFlightMax ?? IN_FLIGHT_MAX, 'inFlightMax'),
    };
    if (!membership) return;
    const keeper = new LeaseKeeper(membership, timers, timing.leaseMs, {
      onGained: (claim) => this.gained(claim),
      onLost: (held) => this.lost(held),
      onSurplus: (count) => this.drain(count),
      onError: parts.onError,
    });
    this.keeper = keeper;
    this.acknowledger = new Acknowledger(
      membership,
      timers,
      (partition, epoch) => keeper.owns(partition, epoch),
      (partition, epoch) => keeper.lost(partition, epoch),
    );
  }

  /** Joins the group, or finds where the log ends now. @throws MessagingError when the engine cannot be reached */
  async start(): Promise<this> {
    const { source } = this.parts;
    this.unlisten = source.listen({
      onEnds: (ends) => this.reach(ends),
      onGroupChanged: (group) => group === this.options.group && this.keeper?.hurry(),
      onResumed: () => {
        this.keeper?.hurry();
        this.poll(0);
      },
    });
    try {
      if (this.keeper) await this.keeper.start();
      else for (const [partition, end] of await source.ends()) this.readers.add(partition, 0, 0).begin(end);
    } catch (error) {
      // Half a member must not live on: word from the group may have set its upkeep going already.
      void this.close();
      throw error;
    }
    this.poll(0);
    return this;
  }

  partitions(): readonly string[] {
    return this.readers.names();
  }

  async next(): Promise<Delivery | null> {
    if (this.busy) throw new Error('next() was called before the last call returned');
    this.busy = true;
    try {
      while (!this.closing) {
        const { reader, dueInMs } = this.readers.choose(this.pace);
        if (!reader || dueInMs > 0) {
          await this.wake.wait(dueInMs);
          continue;
        }
        const delivery = await this.deliverFrom(reader);
        if (delivery) return delivery;
      }
      return null;
    } finally {
      this.busy = false;
    }
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown(true);
    return this.closing;
  }

  /** Stops as a crash would: gives nothing up, so that others wait for the leases to lapse. */
  abandon(): void {
    this.closing ??= this.shutDown(false);
  }

  private async shutDown(orderly: boolean): Promise<void> {
    this.wake.notify();
    this.cancelPoll();
    this.unlisten();
    if (orderly) {
      await this.readers.untilSettled(this.readers.all(), this.parts.timing.graceMs);
      await this.acknowledger?.flush();
    }
    this.acknowledger?.stop();
    await this.keeper?.stop(orderly);
    for (const { partition } of this.readers.all()) this.readers.remove(partition);
    this.parts.onClosed?.();
  }

  private async deliverFrom(reader: PartitionReader): Promise<Delivery | null> {
    const { source, timers } = this.parts;
    const from = reader.position;
    const rest = reader.takeRest();
    let result;
    try {
      result = rest ? { batches: rest, limited: false } : await source.read(reader.partition, from, this.limits);
    } catch (error) {
      if (!this.readers.has(reader)) return null;
      if (error instanceof MessagingError && error.canRetry) {
        this.parts.onError(error);
        reader.pause(timers.monotonicMs(), this.backoff.nextMs());
        return null;
      }
      reader.state = 'resting';
      throw error;
    }
    this.backoff.reset();
    // While it was read the partition may have been lost, drained, or rewound by a nack.
    if (this.closing || !this.readers.has(reader)) return null;
    if (!reader.delivers || reader.position !== from) return null;
    if (result.lost) {
      reader.state = 'resting';
      throw positionLost(reader, from, result.lost);
    }
    if (result.batches.length === 0) {
      reader.foundNothing();
      return null;
    }
    const { taken, handle } = reader.take(result.batches, result.limited, this.limits, timers.monotonicMs());
    return asDelivery(reader, taken, {
      ack: async () => {
        if (!this.acknowledger || !reader.settle(handle)) return;
        this.noteSettled();
        await this.acknowledger.acknowledge(reader.partition, reader.epoch, handle.to);
      },
      nack: async (delayMs = 0) => {
        if (reader.rewind(handle, timers.monotonicMs(), delayMs)) this.noteSettled();
      },
    });
  }

  private noteSettled(): void {
    this.wake.notify();
    this.readers.checkSettled();
  }

  private gained(claim: Claim): void {
    const reader = this.readers.add(claim.partition, claim.epoch, claim.attempts);
    const backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    const assign = async (): Promise<void> => {
      if (!this.readers.has(reader)) return;
      try {
        const chosen = (await this.options.onAssigned?.(reader.name)) ?? null;
        if (chosen !== null && !(Number.isSafeInteger(chosen) && chosen >= 0)) {
          throw new TypeError(`onAssigned said to start partition ${reader.name} at ${chosen}`);
        }
        if (!this.readers.has(reader)) return;
        reader.begin(chosen ?? claim.position);
        this.poll(0);
      } catch (error) {
        this.parts.onError(error);
        this.parts.timers.after(backoff.nextMs(), () => void assign());
      }
    };
    void assign();
  }

  private lost({ partition }: Held): void {
    const reader = this.readers.remove(partition);
    if (!reader) return;
    this.acknowledger?.drop(partition);
    this.wake.notify();
    try {
      this.options.onRevoked?.(reader.name);
    } catch (error) {
      this.parts.onError(error);
    }
  }

  /** Stops reading what is beyond the fair share and gives it up once its deliveries are acknowledged. */
  private drain(surplus: number): void {
    for (const reader of this.readers.drain(surplus)) {
      void this.readers.untilSettled([reader], this.parts.timing.graceMs).then(async () => {
        await this.acknowledger?.flush();
        if (reader.draining) await this.keeper?.release([reader]);
      });
    }
    this.wake.notify();
  }

  private reach(ends: ReadonlyMap<number, number>, asked = false): void {
    if (this.closing) return;
    const nowMs = this.parts.timers.monotonicMs();
    for (const [partition, end] of ends) {
      // A partition that the topic gained after an ephemeral reader came is new to it from its first record on.
      if (!this.keeper && !this.readers.get(partition)) this.readers.add(partition, 0, 0).begin(0);
      const reader = this.readers.get(partition);
      if (asked) reader?.endsAt(end, nowMs);
      else reader?.reaches(end, nowMs);
    }
    this.wake.notify();
  }

  private poll(ms: number): void {
    this.cancelPoll();
    if (this.closing) return;
    this.cancelPoll = this.parts.timers.after(ms, () => {
      this.parts.source
        .ends()
        .then((ends) => this.reach(ends, true), this.parts.onError)
        .finally(() => this.poll(this.parts.timing.pollMs));
    });
  }
}

function positionLost(
  reader: PartitionReader,
  from: number,
  { start, end }: { start: number; end: number },
): MessagingError {
  return new MessagingError(
    'MESSAGING_POSITION_LOST',
    `position ${from} of ${reader.topic}/${reader.name} is not in the log, which holds ${start} to ${end}`,
    { topic: reader.topic, partition: reader.name },
  );
}

function atLeastOne(value: number, name: string): number {
  if (!(value >= 1)) throw new TypeError(`${name} is at least 1, not ${value}`);
  return value;
}
