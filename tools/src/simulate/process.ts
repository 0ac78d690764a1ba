import type { Messaging, Timers } from '@millrace/messaging';
import { createMemoryMessaging, type MemoryLog, type MemoryMessaging } from '@millrace/messaging/memory';
import { MessagingError } from '@millrace/messaging';
import type { Clock, Logger, Random } from '@millrace/observability';
import { InjectedFailure } from '@millrace/observability/failpoints';
import type { Faults, Phase, Resource } from './faults';
import type { SeededRandom } from './random';
import type { World } from './world';

/** A machine's clock, which may be set. */
export class HostClock implements Clock {
  skewMs = 0;

  constructor(
    private readonly world: World,
    private readonly epochMs: number,
  ) {}

  now(): number {
    return Math.floor(this.epochMs + this.world.nowMs + this.skewMs);
  }
}

export type ErrorOf = (method: string, phase: Phase) => Error;

/** A promise of a process that is no more. */
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/**
 * One run of a service's process. Everything it does outside of itself goes through `call`, where it may be slow, fail,
 * or end; once it has ended nothing of it goes on: its calls never return and its timers never fire.
 */
export class SimProcess implements Timers {
  alive = true;
  readonly random: Random & SeededRandom;
  private thawAtMs = 0;
  /** What others do once they notice that it has ended. */
  readonly afterlife: (() => void)[] = [];
  /** What others may do when nothing is heard of it for long. */
  readonly silences: (() => void)[] = [];

  constructor(
    readonly world: World,
    readonly faults: Faults,
    readonly service: string,
    readonly clock: Clock,
    private readonly onDeath: (process: SimProcess, why: string) => void,
  ) {
    this.random = world.random.fork();
  }

  monotonicMs(): number {
    return this.world.nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    let cancel = this.world.after(ms, () => {
      if (!this.alive) return;
      if (this.frozenMs > 0) cancel = this.after(this.frozenMs, fn);
      else fn();
    });
    return () => cancel();
  }

  /** How much longer it stands still, as a machine that is paused: nothing of it goes on, and it does not notice. */
  private get frozenMs(): number {
    return this.thawAtMs - this.world.nowMs;
  }

  every(ms: number, fn: () => void): () => void {
    let cancel = (): void => undefined;
    const next = (): void => {
      cancel = this.after(ms, () => {
        next();
        fn();
      });
    };
    next();
    return () => cancel();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** One call of a port: what happens before its effect, the effect, what happens after it. */
  async call<T>(resource: Resource, method: string, effect: () => T | Promise<T>, errorOf: ErrorOf): Promise<T> {
    await this.gate(resource, method, 'before', errorOf);
    let result: T;
    try {
      result = await effect();
    } catch (error) {
      if (!this.alive) return never();
      throw error;
    }
    await this.gate(resource, method, 'after', errorOf);
    return result;
  }

  async gate(resource: Resource, method: string, phase: Phase, errorOf: ErrorOf): Promise<void> {
    if (!this.alive) return never();
    const ms = this.faults.pauseMs();
    if (ms > 0) {
      await this.world.pause(ms);
      if (!this.alive) return never();
    }
    if (this.faults.chance(this.faults.weather.freeze)) this.freeze(`${phase} ${resource}.${method}`);
    await this.thawed();
    if (!this.alive) return never();
    const verdict = this.faults.verdict(this.service, resource, phase);
    if (verdict === 'crash') return this.die(`${phase} ${resource}.${method}`);
    if (verdict === 'pass') return;
    this.world.trace(`${this.service} ${resource}.${method} fails ${phase} its effect`);
    throw errorOf(method, phase);
  }

  /** A place between two durable steps. */
  readonly failpoint = async (place: string, detail?: string): Promise<void> => {
    if (!this.alive) return never();
    const name = detail === undefined ? place : `${place}:${detail}`;
    this.world.trace(`${this.service} passes ${name}`);
    if (this.faults.freezesAt(this.service, place)) this.freeze(name);
    await this.thawed();
    if (!this.alive) return never();
    const verdict = this.faults.atPoint(this.service, place);
    if (verdict === 'crash') return this.die(name, place);
    if (verdict === 'fail') throw new InjectedFailure(`failpoint ${this.service}/${name}`);
  };

  /** Stands still for longer than a lease, and may be given up by a database meanwhile. */
  private freeze(where: string): void {
    if (this.frozenMs > 0) return;
    const ms = this.faults.between(8_000, 25_000);
    this.thawAtMs = this.world.nowMs + ms;
    this.faults.note('freeze', this.service, where);
    this.world.trace(`${this.service} stands still for ${ms.toFixed(0)} ms: ${where}`);
    if (!this.faults.chance(0.5)) return;
    for (const notice of this.silences) this.world.after(this.faults.between(0, ms / 2), notice);
  }

  private async thawed(): Promise<void> {
    while (this.frozenMs > 0) await this.world.pause(this.frozenMs);
  }

  /** Ends as kill -9 ends it. */
  die(why: string, place?: string): Promise<never> {
    if (this.alive) {
      this.alive = false;
      this.faults.note('crash', this.service, place ?? why);
      this.world.trace(`${this.service} dies: ${why}`);
      for (const end of this.crashes) end();
      for (const notice of this.afterlife) this.world.after(this.faults.between(0, 2_000), notice);
      this.onDeath(this, why);
    }
    return never();
  }

  /** A port whose calls go through this process. */
  over<T extends object>(resource: Resource, port: T, errorOf: ErrorOf, own: Partial<T> = {}): T {
    return new Proxy(port, {
      get: (target, name) => {
        if (Object.hasOwn(own, name)) return Reflect.get(own, name);
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        return (...args: unknown[]) =>
          this.call(resource, name, () => (value as (...args: unknown[]) => unknown).apply(target, args), errorOf);
      },
    });
  }

  /** This process's connection to the log. */
  messaging(log: MemoryLog): Messaging {
    const memory: MemoryMessaging = createMemoryMessaging({
      log,
      timers: this,
      memberId: this.random.uuid(),
      leaseMs: 10_000,
      fault: (operation, phase) => this.gate('log', operation, phase, messagingError),
    });
    this.crashes.push(() => memory.crash());
    const append: Messaging['append'] = (topic, batch, options) => {
      if (!this.faults.chance(this.faults.weather.fail / 4)) return memory.append(topic, batch, options);
      // The connection breaks, and the append arrives later.
      this.faults.note('late', this.service, 'log append');
      this.world.trace(`${this.service} an append to ${topic} arrives late`);
      this.world.after(this.faults.between(0, 4_000), () => {
        try {
          log.topic(topic).append(batch, options?.partition, 60_000);
        } catch {
          // It was refused, and nobody hears of it.
        }
      });
      return Promise.reject(new MessagingError('MESSAGING_UNKNOWN', 'the connection was lost'));
    };
    return new Proxy(memory, {
      get: (target, name) => {
        if (name === 'append') return append;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Done at once when the process ends. */
  readonly crashes: (() => void)[] = [];

  /** Notes what the service reports, so that a trace reads like its log. */
  readonly logger: Logger = silent((level, message, fields) =>
    this.world.trace(`${this.service} ${level}: ${message}${reasonOf(fields)}`),
  );
}

const messagingError: ErrorOf = (_method, phase) =>
  phase === 'before'
    ? new MessagingError('MESSAGING_UNAVAILABLE', 'the log is away')
    : new MessagingError('MESSAGING_UNKNOWN', 'the connection was lost');

/** Lines of code, which are others where it is compiled: a trace is the same everywhere. */
const PLACES = / at [\w.-]+:\d+/g;

function reasonOf(fields: unknown): string {
  const error = (fields as { error?: unknown } | undefined)?.error;
  if (error === undefined) return '';
  return ` (${(error instanceof Error ? error.message : String(error)).replaceAll(PLACES, '')})`;
}

function silent(say: (level: string, message: string, fields?: unknown) => void): Logger {
  const method =
    (level: string | null) =>
    (...args: [string] | [object, string]): void => {
      if (level === null) return;
      if (args.length === 1) say(level, args[0]);
      else say(level, args[1], args[0]);
    };
  const logger: Record<string, unknown> = {
    ...{ trace: method(null), debug: method(null), info: method(null) },
    ...{ warn: method('warn'), error: method('error'), fatal: method('fatal'), level: 'warn' },
    isLevelEnabled: () => false,
  };
  logger['child'] = () => logger;
  return logger as unknown as Logger;
}
