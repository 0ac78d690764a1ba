import type { FaultSeen } from '../checker/observations';
import type { SeededRandom } from './random';
import type { World } from './world';

export type Resource = 'log' | 'landing' | 'tables' | 'storage' | 'models' | 'keys' | 'lock';
export type Phase = 'before' | 'after';
export type Verdict = 'pass' | 'fail' | 'crash';

/** How much of what a run meets, drawn anew for each seed: some runs are mostly slow, some mostly fail, some crash a lot. */
export interface Weather {
  /** Of calls, how many are slow by milliseconds, and by seconds. */
  readonly slow: number;
  readonly stall: number;
  readonly fail: number;
  readonly crash: number;
  /** Of calls, how many stand their whole process still for longer than a lease. */
  readonly freeze: number;
  /** Of failpoints passed, how many end the process, and how many stand it still. */
  readonly crashAtPoint: number;
  readonly freezeAtPoint: number;
  /** Of the places of failpoints, how many are unlucky in a run: there a process stands still time and again. */
  readonly unlucky: number;
  /** A resource is away for some seconds about this often, ms. */
  readonly outageEveryMs: number;
  /** A clock is set, by up to an hour, about this often, ms. */
  readonly clockEveryMs: number;
  /** A leader's session ends about this often, ms. */
  readonly sessionEveryMs: number;
  /** Of answers to clients, and of requests, how many are lost. */
  readonly lost: number;
  /** Of requests, how many the network delivers twice. */
  readonly twice: number;
}

/** Of the times that an unlucky place is passed, how often a process stands still there. */
const UNLUCKY_FREEZE = 0.4;

const level = (random: SeededRandom, most: number): number => most * random.pick([0, 0.25, 0.5, 1]);

export const drawWeather = (random: SeededRandom): Weather => ({
  slow: random.pick([0.05, 0.2, 0.5]),
  stall: level(random, 0.004),
  fail: level(random, 0.03),
  crash: level(random, 0.0012),
  freeze: level(random, 0.001),
  crashAtPoint: random.pick([0.004, 0.01, 0.02]),
  freezeAtPoint: level(random, 0.012),
  unlucky: level(random, 0.12),
  outageEveryMs: random.pick([10_000, 20_000, 60_000]),
  clockEveryMs: random.pick([8_000, 20_000, 60_000]),
  sessionEveryMs: random.pick([8_000, 20_000, 60_000]),
  lost: random.pick([0.02, 0.06, 0.12]),
  twice: random.pick([0.02, 0.08]),
});

/** Draws what happens at each call, and keeps account of what was injected. */
export class Faults {
  readonly weather: Weather;
  /** By what was done and to whom: for the vacuity rules. */
  readonly injected: FaultSeen[] = [];
  active = true;
  private readonly random: SeededRandom;
  private readonly away = new Map<Resource, number>();
  /** By service and place, once it is passed. What is rare everywhere never meets twice; what is frequent in one place does. */
  private readonly unlucky = new Map<string, boolean>();

  constructor(
    private readonly world: World,
    /** `service/place`: unlucky whatever is drawn. */
    unlucky: string | null = null,
  ) {
    this.random = world.random.fork();
    this.weather = drawWeather(this.random);
    if (unlucky !== null) this.unlucky.set(unlucky, true);
  }

  pauseMs(): number {
    const { random, weather } = this;
    if (!this.active) return random.chance(0.1) ? random.between(0.1, 1) : 0;
    const drawn = random.next();
    if (drawn < weather.stall) return random.between(1_000, 12_000);
    if (drawn < weather.stall + weather.slow) return random.between(0.1, random.chance(0.1) ? 300 : 8);
    return 0;
  }

  verdict(service: string, resource: Resource, phase: Phase): Verdict {
    if (!this.active) return 'pass';
    if (phase === 'before' && (this.away.get(resource) ?? 0) > this.world.nowMs) return 'fail';
    const drawn = this.random.next();
    const { crash, fail } = this.weather;
    if (drawn < crash) return 'crash';
    if (drawn >= crash + fail) return 'pass';
    this.note('fail', service, `${resource} ${phase}`);
    return 'fail';
  }

  atPoint(service: string, place: string): Verdict {
    if (!this.active) return 'pass';
    const drawn = this.random.next();
    const { crashAtPoint } = this.weather;
    if (drawn < crashAtPoint) return 'crash';
    if (drawn >= crashAtPoint * 1.5) return 'pass';
    this.note('error', service, place);
    return 'fail';
  }

  freezesAt(service: string, place: string): boolean {
    if (!this.active) return false;
    const { freezeAtPoint, unlucky } = this.weather;
    const key = `${service.replace(/-\d+$/, '')}/${place}`;
    if (!this.unlucky.has(key)) this.unlucky.set(key, this.random.chance(unlucky));
    return this.random.chance(this.unlucky.get(key) ? UNLUCKY_FREEZE : freezeAtPoint);
  }

  /** A resource answers nobody until then. */
  outage(resource: Resource, ms: number): void {
    this.away.set(resource, Math.max(this.away.get(resource) ?? 0, this.world.nowMs + ms));
    this.note('outage', resource);
    this.world.trace(`${resource} is away for ${ms.toFixed(0)} ms`);
  }

  chance(probability: number): boolean {
    return this.active && this.random.chance(probability);
  }

  between(min: number, max: number): number {
    return this.random.between(min, max);
  }

  pick<T>(from: readonly T[]): T {
    return this.random.pick(from);
  }

  note(kind: string, target: string, place?: string): void {
    this.injected.push({ kind, target, ...(place !== undefined && { place }) });
  }

  end(): void {
    this.active = false;
    this.away.clear();
  }
}
