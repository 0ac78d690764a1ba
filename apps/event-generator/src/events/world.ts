import { createHash } from 'node:crypto';
import { type EventStream, type GeneratedEvent, type StreamOptions } from './event';
import { SeededRandom } from './seeded-random';

/** The clock of a generated world: moves on by random steps, so that events come as they do in life. */
export class WorldClock {
  private at: number;

  constructor(
    private readonly random: SeededRandom,
    private readonly options: Pick<StreamOptions, 'fromMs' | 'gapMs'>,
  ) {
    this.at = options.fromMs;
  }

  /** The time of the next event, whole ms, never before the last one's. */
  tick(): number {
    this.at += this.random.exponential(this.options.gapMs);
    return Math.floor(this.at);
  }
}

/** Eight hex digits that keep the ids of one seed apart from those of another. */
export const tagOf = (type: string, seed: string): string =>
  createHash('sha256').update(`${type}\0${seed}`).digest('hex').slice(0, 8);

export interface Lives<L> {
  /** Begins a life and gives its first event. */
  begin(nowMs: number): { readonly life: L; readonly event: GeneratedEvent };
  /** The life's next event; null when it is over, and another is taken. */
  proceed(life: L, nowMs: number): GeneratedEvent | null;
}

/** How many lives go on at once, at most: with more, a stream would hold more memory than a producer would. */
const LIVES_MAX = 5_000;

export interface LivesOptions {
  /** Share of events that begin a life: one divided by the mean length of a life, in events. */
  readonly birthShare: number;
  /** Time that passes in a life between two of its events, ms, where the stream's rate allows. */
  readonly paceMs: number;
}

/**
 * Events of lives (sessions, orders, shipments) that go on side by side. At most `paceMs / gapMs` do, so that each moves
 * on about every `paceMs` however fast the stream is.
 */
export class LifeStream<L> implements EventStream {
  private readonly going: L[] = [];
  private readonly goingMax: number;

  constructor(
    private readonly random: SeededRandom,
    private readonly clock: WorldClock,
    private readonly lives: Lives<L>,
    private readonly options: LivesOptions,
    gapMs: number,
  ) {
    this.goingMax = Math.min(LIVES_MAX, Math.max(3, Math.round(options.paceMs / gapMs)));
  }

  next(): GeneratedEvent {
    const now = this.clock.tick();
    const isRoom = this.going.length < this.goingMax;
    const begins = this.random.chance(this.options.birthShare);
    while (this.going.length > 0 && !(begins && isRoom)) {
      const at = this.random.between(0, this.going.length - 1);
      const event = this.lives.proceed(this.going[at], now);
      if (event) return event;
      this.going[at] = this.going[this.going.length - 1];
      this.going.pop();
    }
    const { life, event } = this.lives.begin(now);
    this.going.push(life);
    return event;
  }
}
