import { newAppendId } from '../append-id';
import { type Delivery, MessagingError, type Subscription } from '../port';
import { ManualTime } from '../testing';
import { record } from '../testing/records';
import { createMemoryMessaging, MemoryLog, type MemoryMessaging } from './index';

const PARTITIONS = 3;
const LEASE_MS = 3_000;

/** mulberry32: small, seeded, good enough to choose faults. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Members that come, crash, close, fail before or after each effect, reject and acknowledge late, all from one seed. */
class Simulation {
  readonly time = new ManualTime();
  readonly log = new MemoryLog(this.time);
  readonly chance: () => number;
  readonly handled = new Map<string, Set<number>>();
  readonly acknowledged = new Set<string>();
  readonly seen = { faults: 0, redelivered: 0, crashes: 0, lost: 0 };
  private members: { messaging: MemoryMessaging; subscription: Subscription | null }[] = [];
  private faultRate = 0.1;
  private appended = 0;

  constructor(seed: number) {
    this.chance = chances(seed);
  }

  open(): MemoryMessaging {
    return createMemoryMessaging({
      log: this.log,
      timers: this.time,
      leaseMs: LEASE_MS,
      graceMs: 500,
      fault: async (_operation, phase) => {
        if (this.chance() < this.faultRate)
          await new Promise<void>((resolve) => this.time.after(this.chance() * 400, resolve));
        if (this.chance() >= this.faultRate) return;
        this.seen.faults++;
        throw new MessagingError(phase === 'before' ? 'MESSAGING_UNAVAILABLE' : 'MESSAGING_UNKNOWN', 'injected');
      },
    });
  }

  async run(steps: number): Promise<void> {
    this.log.ensureTopic('t', { partitions: PARTITIONS });
    for (let i = 0; i < 3; i++) this.join();
    for (let step = 0; step < steps; step++) {
      const what = this.chance();
      if (what < 0.5) void this.append();
      else if (what < 0.53) this.replace(true);
      else if (what < 0.56) this.replace(false);
      await this.time.advance(this.chance() * 200);
    }
    this.faultRate = 0;
    for (let i = 0; i < 200 && !this.finished(); i++) await this.time.advance(LEASE_MS / 2);
  }

  finished(): boolean {
    const { partitions, groups } = this.log.topic('t');
    const positions = groups.get('g')?.positions ?? [];
    return this.acknowledged.size === this.appended && partitions.every(({ next }, p) => positions[p]?.next === next);
  }

  stop(): void {
    this.members.forEach(({ messaging }) => messaging.crash());
  }

  private async append(): Promise<void> {
    const values = Array.from({ length: 1 + Math.floor(this.chance() * 6) }, (_, i) => `${this.appended}-${i}`);
    const id = `${this.appended++}`;
    const batch = { header: { appendId: newAppendId() }, records: values.map((value) => record(value)) };
    const writer = this.open();
    while (!this.acknowledged.has(id)) {
      await writer.append('t', batch).then(
        () => this.acknowledged.add(id),
        () => new Promise<void>((resolve) => this.time.after(50, resolve)),
      );
    }
  }

  private join(): void {
    const member = { messaging: this.open(), subscription: null as Subscription | null };
    this.members.push(member);
    void this.consume(member);
  }

  private replace(crash: boolean): void {
    const [member] = this.members.splice(Math.floor(this.chance() * this.members.length), 1);
    if (crash) member.messaging.crash();
    else void member.messaging.close();
    this.seen.crashes += crash ? 1 : 0;
    this.join();
  }

  private async consume(member: { messaging: MemoryMessaging; subscription: Subscription | null }): Promise<void> {
    while (!member.subscription) {
      member.subscription = await member.messaging
        .subscribe({ topic: 't', group: 'g', eventsMax: 4, inFlightMax: 2, lingerMs: this.chance() < 0.5 ? 100 : 0 })
        .catch((error) => (error.code === 'MESSAGING_CLOSED' ? Promise.reject(error) : null))
        .catch(() => undefined as never);
      if (member.subscription === undefined) return;
      if (!member.subscription) await new Promise<void>((resolve) => this.time.after(50, resolve));
    }
    // Deliveries are worked on at once, but acknowledged in order within a partition, as the port asks.
    const before = new Map<string, Promise<void>>();
    for (let delivery = await member.subscription.next(); delivery; delivery = await member.subscription.next()) {
      before.set(delivery.partition, this.handle(delivery, before.get(delivery.partition) ?? Promise.resolve()));
    }
  }

  private async handle(delivery: Delivery, before: Promise<void>): Promise<void> {
    const handled = this.handled.get(delivery.partition) ?? new Set<number>();
    this.handled.set(delivery.partition, handled);
    const offsets = delivery.batches.flatMap(({ records }) => records.map(({ offset }) => offset ?? -1));
    await new Promise<void>((resolve) => this.time.after(this.chance() * 300, resolve));
    await before;
    if (this.chance() < 0.1) return delivery.nack(this.chance() * 200);
    if (delivery.signal.aborted) this.seen.lost++;
    if (offsets.some((offset) => handled.has(offset))) this.seen.redelivered++;
    offsets.forEach((offset) => handled.add(offset));
    await delivery.ack();
    this.assertNothingPassedOver();
  }

  /** A position never covers a record that no member has handled. */
  assertNothingPassedOver(): void {
    this.log
      .topic('t')
      .groups.get('g')
      ?.positions.forEach(({ next }, partition) => {
        const handled = this.handled.get(String(partition)) ?? new Set();
        for (let offset = 0; offset < next; offset++) {
          if (!handled.has(offset))
            throw new Error(`position ${next} of ${partition} passes ${offset}, which nobody handled`);
        }
      });
  }

  stored(): string[] {
    return this.log.topic('t').partitions.flatMap((_, partition) => {
      const { batches } = this.log
        .topic('t')
        .read(partition, 0, { eventsMax: Infinity, bytesMax: Infinity, headersOnly: false });
      return batches.flatMap(({ records }) => (records ?? []).map(({ value }) => value.toString()));
    });
  }
}

describe('members under faults', () => {
  const seen = { faults: 0, redelivered: 0, crashes: 0, lost: 0 };

  it.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    'handle every record at least once and store each once (seed %i)',
    async (seed) => {
      const simulation = new Simulation(seed);
      await simulation.run(150);
      simulation.assertNothingPassedOver();
      expect(simulation.finished()).toBe(true);
      const stored = simulation.stored();
      expect(new Set(stored).size).toBe(stored.length);
      expect(new Set(stored.map((value) => value.split('-')[0])).size).toBe(simulation.acknowledged.size);
      simulation.stop();
      for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += simulation.seen[key];
    },
  );

  it('met the faults that it is about', () => {
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(25);
  });
});
