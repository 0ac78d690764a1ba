import { type EventBody, type EventStream, type EventType, type GeneratedEvent } from '../events/event';
import { SeededRandom } from '../events/seeded-random';
import { createStream } from '../events/streams';
import type { Outgoing } from '../targets/port';
import { DAMAGES } from './corrupt';

export interface LoadSpec {
  readonly type: EventType;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Shares of all items, 0 to 1, together at most 1. */
  readonly duplicates: number;
  readonly late: number;
  readonly corrupt: number;
  readonly seed: string;
  /** Where the events' clock begins, ms since the epoch; it then keeps pace with the load. */
  readonly fromMs: number;
  readonly eventsPerRequest: number;
}

export const KINDS = ['fresh', 'late', 'duplicate', 'corrupt'] as const;
export type Kind = (typeof KINDS)[number];

export interface PlannedItem extends Outgoing {
  readonly kind: Kind;
  /** A duplicate's likeness (`exact`, `rewritten`, `changed`), or how a corrupt item is damaged; null for others. */
  readonly how: string | null;
  /** Number of the event among the load's distinct ones; a duplicate has its original's, a corrupt item -1. */
  readonly event: number;
  /** The event, of a duplicate as its original was sent; null where it is corrupt. */
  readonly body: EventBody | null;
}

export const itemsOf = ({ ratePerSecond, seconds }: LoadSpec): number => Math.round(ratePerSecond * seconds);
export const requestsOf = (spec: LoadSpec): number => Math.ceil(itemsOf(spec) / spec.eventsPerRequest);

/** How far back late events are: some hours, more than a day, a week. */
const LAGS_MS = [6, 30, 7 * 24].map((hours) => hours * 3_600_000);
/** A duplicate repeats one of so many events before it. */
const HISTORY_EVENTS = 2_000;

interface Sent {
  readonly generated: GeneratedEvent;
  readonly event: number;
}

/**
 * The items of a load, in order: the same for the same spec, however often and however fast they are drawn, so that what
 * was sent can be told again afterwards. Late events are a world of their own that is behind the load's. Corrupt items are
 * damaged events of yet another world, so that no good event is missing for them.
 */
export class LoadPlan {
  private readonly random: SeededRandom;
  private readonly fresh: EventStream;
  private readonly late: readonly EventStream[];
  private readonly damaged: EventStream;
  private readonly damages: readonly string[];
  private readonly history: Sent[] = [];
  private events = 0;
  private drawn = 0;

  constructor(private readonly spec: LoadSpec) {
    const { type, seed, fromMs, ratePerSecond, late } = spec;
    this.random = new SeededRandom(`load\0${seed}`);
    const stream = (name: string, lagMs: number, share: number): EventStream =>
      createStream(type, {
        seed: name === '' ? seed : `${seed}\0${name}`,
        fromMs: fromMs - lagMs,
        gapMs: 1_000 / (ratePerSecond * Math.max(share, 1e-6)),
      });
    this.fresh = stream('', 0, 1 - late - spec.duplicates - spec.corrupt);
    this.late = late > 0 ? LAGS_MS.map((lag) => stream(`late-${lag}`, lag, late / LAGS_MS.length)) : [];
    this.damaged = stream('corrupt', 0, spec.corrupt);
    this.damages = Object.keys(DAMAGES[type]);
  }

  /** The items of the next request; fewer in the last. */
  nextRequest(): PlannedItem[] {
    const count = Math.min(this.spec.eventsPerRequest, itemsOf(this.spec) - this.drawn);
    this.drawn += count;
    return Array.from({ length: count }, () => this.next());
  }

  private next(): PlannedItem {
    const { corrupt, late, duplicates } = this.spec;
    const at = this.random.next();
    if (at < corrupt) return this.corrupted();
    if (at < corrupt + late) return this.good('late', this.random.pick(this.late).next());
    if (at < corrupt + late + duplicates && this.history.length > 0) return this.duplicate();
    return this.good('fresh', this.fresh.next());
  }

  private good(kind: Kind, generated: GeneratedEvent): PlannedItem {
    const event = this.events++;
    this.history[event % HISTORY_EVENTS] = { generated, event };
    const { body, key } = generated;
    return { kind, how: null, event, body, key, bytes: Buffer.from(JSON.stringify(body)) };
  }

  private duplicate(): PlannedItem {
    const { generated, event } = this.random.pick(this.history);
    const { body, key } = generated;
    const how = this.random.pick(typeof body['event_id'] === 'string' ? LIKENESSES : FLAT_LIKENESSES);
    return { kind: 'duplicate', how, event, body, key, bytes: COPIES[how](body) };
  }

  private corrupted(): PlannedItem {
    const { body, key } = this.damaged.next();
    const how = this.random.pick(this.damages);
    return { kind: 'corrupt', how, event: -1, body: null, key, bytes: DAMAGES[this.spec.type][how](body) };
  }
}

type Likeness = 'exact' | 'rewritten' | 'changed';
/** An event whose id is its content cannot keep it with other content. */
const FLAT_LIKENESSES: readonly Likeness[] = ['exact', 'exact', 'rewritten'];
const LIKENESSES: readonly Likeness[] = ['exact', 'exact', 'rewritten', 'changed'];

const COPIES: Readonly<Record<Likeness, (body: EventBody) => Buffer>> = {
  exact: (body) => Buffer.from(JSON.stringify(body)),
  /** The same event as another program would write it: members in another order, spaces between them. */
  rewritten: (body) => {
    const members = Object.entries(body).reverse();
    return Buffer.from(
      `{ ${members.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(', ')} }`,
    );
  },
  /** The same id with something else to say, as a producer's bug would have it. */
  changed: (body) =>
    Buffer.from(JSON.stringify({ ...body, payload: { ...(body['payload'] as EventBody), revised: true } })),
};
