import type { Clock } from '@millrace/observability';
import type { Held, Membership, Standing } from '../subscription/source';

interface Position {
  next: number;
  owner: string | null;
  epoch: number;
  leaseUntilMs: number;
  attempts: number;
  /** The position when it was last taken over. */
  takenAt: number | null;
}

/** A lease that lasts so many times as long as one is given is of before the clock was set back. */
const NEVER_LEASES = 10;

/** Positions, leases and members of one group of one topic. */
export class MemoryGroup {
  readonly positions: Position[] = [];
  private readonly members = new Map<string, { readonly joined: number; aliveUntilMs: number }>();
  private joins = 0;

  constructor(
    readonly name: string,
    private readonly clock: Clock,
  ) {}

  addPartition(next: number): void {
    this.positions.push({ next, owner: null, epoch: 0, leaseUntilMs: 0, attempts: 0, takenAt: null });
  }

  /** True as the second member of the result when others should tend soon. */
  tend(member: string, leaseMs: number, held: readonly Held[]): { standing: Standing; changed: boolean } {
    const nowMs = this.clock.now();
    const over = (untilMs: number): boolean => untilMs < nowMs || untilMs > nowMs + NEVER_LEASES * leaseMs;
    let changed = !this.members.has(member);
    this.members.set(member, {
      joined: this.members.get(member)?.joined ?? this.joins++,
      aliveUntilMs: nowMs + leaseMs,
    });
    for (const [other, { aliveUntilMs }] of this.members) {
      if (!over(aliveUntilMs)) continue;
      this.members.delete(other);
      changed = true;
    }
    const quota = this.quota(member);
    const mine = new Set<number>();
    for (const { partition, epoch } of held) {
      if (!this.owns(member, { partition, epoch })) continue;
      this.positions[partition].leaseUntilMs = nowMs + leaseMs;
      mine.add(partition);
    }
    this.positions.forEach((position, partition) => {
      if (mine.size >= quota || mine.has(partition)) return;
      const lapsed = position.owner !== null;
      if (lapsed && position.owner !== member && !over(position.leaseUntilMs)) return;
      if (position.takenAt !== position.next) position.attempts = 0;
      else if (lapsed) position.attempts += 1;
      position.takenAt = position.next;
      position.owner = member;
      position.epoch += 1;
      position.leaseUntilMs = nowMs + leaseMs;
      mine.add(partition);
    });
    const claims = [...mine].map((partition) => {
      const { epoch, next, attempts } = this.positions[partition];
      return { partition, epoch, position: next, attempts };
    });
    return { standing: { held: claims, quota }, changed };
  }

  acknowledge(member: string, positions: readonly (Held & { readonly position: number })[]): number[] {
    const owned = positions.filter((held) => this.owns(member, held));
    for (const { partition, position } of owned) {
      this.positions[partition].next = Math.max(this.positions[partition].next, position);
    }
    return owned.map(({ partition }) => partition);
  }

  release(member: string, held: readonly Held[]): void {
    for (const { partition, epoch } of held) {
      if (this.owns(member, { partition, epoch })) this.positions[partition].owner = null;
    }
  }

  leave(member: string): void {
    for (const position of this.positions) if (position.owner === member) position.owner = null;
    this.members.delete(member);
  }

  membership(member: string, leaseMs: number, tellOthers: () => void): Membership {
    return {
      tend: async (held) => {
        const { standing, changed } = this.tend(member, leaseMs, held);
        if (changed) tellOthers();
        return standing;
      },
      acknowledge: async (positions) => this.acknowledge(member, positions),
      release: async (held) => {
        this.release(member, held);
        tellOthers();
      },
      leave: async () => {
        this.leave(member);
        tellOthers();
      },
    };
  }

  private owns(member: string, { partition, epoch }: Held): boolean {
    const position = this.positions[partition];
    return position.owner === member && position.epoch === epoch;
  }

  /** An equal share; the members who came first take what is left over. */
  private quota(member: string): number {
    const ranked = [...this.members].sort(([, a], [, b]) => a.joined - b.joined).map(([id]) => id);
    const share = Math.floor(this.positions.length / ranked.length);
    return share + (ranked.indexOf(member) < this.positions.length % ranked.length ? 1 : 0);
  }
}
