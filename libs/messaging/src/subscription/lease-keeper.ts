import { MessagingError } from '../port';
import type { Timers } from '../timers';
import { Backoff } from './backoff';
import type { Claim, Held, Membership } from './source';

export interface LeaseEvents {
  onGained(claim: Claim): void;
  /** Another member owns it, or may own it soon because its lease could not be renewed. */
  onLost(held: Held): void;
  /** This many of the partitions held are more than this member's fair share. */
  onSurplus(count: number): void;
  onError(error: unknown): void;
}

/** Of a lease's length: renewed three times in it, and given up by its holder when nine tenths are over unrenewed. */
const RENEWALS_PER_LEASE = 3;
const TRUSTED_SHARE = 0.9;

/**
 * Keeps the membership of one subscription alive and tells what it gains and loses.
 *
 * A lease runs by the engine's clock from when the engine renewed it; this member counts from before it asked, by its
 * own monotonic clock, so it stops earlier than the engine lets another member start.
 */
export class LeaseKeeper {
  private readonly held = new Map<number, Held>();
  private readonly backoff: Backoff;
  private queue: Promise<void> = Promise.resolve();
  private stopped = false;
  private cancelNext: () => void = () => undefined;
  private cancelLapse: () => void = () => undefined;
  private soon = false;

  constructor(
    private readonly membership: Membership,
    private readonly timers: Timers,
    private readonly leaseMs: number,
    private readonly events: LeaseEvents,
  ) {
    this.backoff = new Backoff(Math.min(50, leaseMs / 10), leaseMs / RENEWALS_PER_LEASE);
  }

  /** Joins the group. @throws MessagingError when the engine cannot be reached */
  async start(): Promise<void> {
    await this.inTurn(() => this.tend());
    if (!this.soon) this.schedule(this.leaseMs / RENEWALS_PER_LEASE);
  }

  owns(partition: number, epoch: number): boolean {
    return this.held.get(partition)?.epoch === epoch;
  }

  /** Something changed in the group: tend now instead of at the next renewal. */
  hurry(): void {
    if (this.stopped || this.soon) return;
    this.soon = true;
    this.schedule(0);
  }

  /** The engine has said that this partition is owned under another epoch. */
  lost(partition: number, epoch: number): void {
    const held = this.held.get(partition);
    if (held?.epoch !== epoch) return;
    this.held.delete(partition);
    this.events.onLost(held);
  }

  /** Gives partitions up for another member to claim at once. */
  async release(held: readonly Held[]): Promise<void> {
    const owned = held.filter(({ partition, epoch }) => this.owns(partition, epoch));
    owned.forEach(({ partition, epoch }) => this.lost(partition, epoch));
    await this.inTurn(() => this.membership.release(owned)).catch(this.events.onError);
  }

  /** Gives up everything. The leases lapse by themselves if the engine is away. */
  async stop(leave: boolean): Promise<void> {
    this.stopped = true;
    this.cancelNext();
    this.cancelLapse();
    [...this.held.values()].forEach(({ partition, epoch }) => this.lost(partition, epoch));
    if (leave) await this.inTurn(() => this.membership.leave()).catch(this.events.onError);
  }

  private schedule(ms: number): void {
    this.cancelNext();
    if (this.stopped) return;
    this.cancelNext = this.timers.after(ms, () => {
      this.soon = false;
      void this.inTurn(() => this.tend())
        .then(
          () => this.backoff.reset(),
          (error) => {
            this.events.onError(error);
            // A failure that repeating does not mend is repeated all the same: the member must not die silently.
            return error instanceof MessagingError && error.canRetry
              ? this.backoff.nextMs()
              : this.leaseMs / RENEWALS_PER_LEASE;
          },
        )
        .then((retryMs) => {
          if (!this.soon) this.schedule(retryMs ?? this.leaseMs / RENEWALS_PER_LEASE);
        });
    });
  }

  /** One call to the engine at a time: a release must not be overtaken by a renewal of what it releases. */
  private inTurn(call: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(call);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async tend(): Promise<void> {
    if (this.stopped) return;
    const askedMs = this.timers.monotonicMs();
    const standing = await this.membership.tend([...this.held.values()]);
    if (this.stopped) return;
    const trustedMs = askedMs + this.leaseMs * TRUSTED_SHARE - this.timers.monotonicMs();
    if (trustedMs <= 0) return this.lapse();
    this.cancelLapse();
    this.cancelLapse = this.timers.after(trustedMs, () => this.lapse());

    const now = new Map(standing.held.map((claim) => [claim.partition, claim]));
    for (const { partition, epoch } of [...this.held.values()]) {
      if (now.get(partition)?.epoch !== epoch) this.lost(partition, epoch);
    }
    for (const claim of now.values()) {
      if (this.held.has(claim.partition)) continue;
      this.held.set(claim.partition, { partition: claim.partition, epoch: claim.epoch });
      this.events.onGained(claim);
    }
    this.events.onSurplus(Math.max(0, now.size - standing.quota));
  }

  private lapse(): void {
    [...this.held.values()].forEach(({ partition, epoch }) => this.lost(partition, epoch));
    this.hurry();
  }
}
