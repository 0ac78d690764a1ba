/**
 * The load generator, a process of its own: told a plan as JSON in its first argument, prints one line of JSON.
 *
 * Open loop: requests fall due at a rate, whatever has been answered. A request that falls due while every connection
 * has one under way cannot be sent and is counted as such, and is not sent later, so latencies are of requests that
 * were sent when they were due. Rate 0 is a closed loop: each connection sends as soon as it is answered.
 */
import { percentile } from '../bench/percentile';
import { type Answered, LoadConnection } from './connection';
import { type NumberedRequest, numberedRequest, renumber } from './numbered-request';

export interface LoadPlan {
  readonly run: string;
  readonly port: number;
  readonly connections: number;
  readonly eventsPerRequest: number;
  /** Requests a second; 0 for a closed loop. */
  readonly rate: number;
  readonly seconds: number;
  /** Of `seconds`, at the beginning, whose latencies are left out. */
  readonly warmupSeconds: number;
  readonly first: number;
}

export interface LoadOutcome {
  readonly seconds: number;
  /** Requests, warm-up included. */
  readonly due: number;
  readonly sent: number;
  readonly unsent: number;
  readonly accepted: number;
  /** By status, everything else that was answered. */
  readonly refused: Readonly<Record<string, number>>;
  /** Of those with 429 or 503, the ones that did not say when to come again. */
  readonly withoutRetryAfter: number;
  /** Requests whose connection ended without an answer, and connections that were closed. */
  readonly lost: number;
  readonly closed: number;
  /** Requests still without an answer when the run gave up waiting for them. */
  readonly unanswered: number;
  /** Accepted requests in each measured second. */
  readonly perSecond: readonly number[];
  readonly acceptedMs: Percentiles;
  readonly refusedMs: Percentiles;
  readonly cpuSeconds: number;
  readonly next: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const TICK_MS = 1;
const ANSWERS_MS_MAX = 30_000;

class Generator {
  private readonly idle: LoadConnection[] = [];
  private readonly requests = new Map<LoadConnection, NumberedRequest>();
  private readonly counts = { due: 0, sent: 0, unsent: 0, accepted: 0, withoutRetryAfter: 0, lost: 0, closed: 0 };
  private readonly refused: Record<string, number> = {};
  private readonly acceptedMs: number[] = [];
  private readonly refusedMs: number[] = [];
  private readonly perSecond: number[] = [];
  private next: number;
  private underWay = 0;
  private beganMs = 0;
  private stopping = false;

  constructor(private readonly plan: LoadPlan) {
    this.next = plan.first;
  }

  async run(): Promise<LoadOutcome> {
    const { plan } = this;
    // In groups: a listening socket's queue of new connections is short.
    for (let opened = 0; opened < plan.connections; opened += 100) {
      const group = Array.from({ length: Math.min(100, plan.connections - opened) }, (_, n) => this.open(opened + n));
      await Promise.all(group.map((connection) => connection.connected()));
      this.idle.push(...group.filter((connection) => this.isOpen(connection)));
    }
    this.beganMs = performance.now();
    const cpu = process.cpuUsage();
    if (plan.rate === 0) for (const connection of this.idle.splice(0)) this.send(connection);
    await this.pace();
    this.stopping = true;
    const seconds = (performance.now() - this.beganMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const deadline = performance.now() + ANSWERS_MS_MAX;
    while (this.underWay > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    return {
      ...this.counts,
      seconds,
      refused: this.refused,
      unanswered: this.underWay,
      perSecond: this.perSecond,
      acceptedMs: percentilesOf(this.acceptedMs),
      refusedMs: percentilesOf(this.refusedMs),
      cpuSeconds: (user + system) / 1e6,
      next: this.next,
    };
  }

  /** Sends what falls due until the time is up. */
  private pace(): Promise<void> {
    const { rate, seconds } = this.plan;
    return new Promise((resolve) => {
      const tick = (): void => {
        const elapsed = performance.now() - this.beganMs;
        if (elapsed >= seconds * 1000) return resolve();
        if (rate > 0) this.catchUp(Math.floor((elapsed / 1000) * rate));
        setTimeout(tick, TICK_MS);
      };
      tick();
    });
  }

  private catchUp(due: number): void {
    const { counts, idle } = this;
    let count = due - counts.due;
    counts.due = due;
    for (; count > 0; count--) {
      const connection = idle.shift();
      if (!connection) {
        counts.unsent += count;
        return;
      }
      this.send(connection);
    }
  }

  private open(seed: number): LoadConnection {
    const request = numberedRequest(this.plan.run, this.plan.eventsPerRequest, seed);
    const connection = new LoadConnection(this.plan.port, request.bytes, {
      onAnswer: (from, answer) => this.onAnswer(from, answer),
      onClosed: (from, pending) => this.onClosed(from, pending, seed),
    });
    this.requests.set(connection, request);
    return connection;
  }

  private send(connection: LoadConnection): void {
    this.next = renumber(this.requests.get(connection) as NumberedRequest, this.next);
    this.counts.sent++;
    this.underWay++;
    connection.send(performance.now());
  }

  private onAnswer(connection: LoadConnection, { status, retryAfter, closing, ms }: Answered): void {
    const { counts, plan } = this;
    this.underWay--;
    const second = Math.floor((performance.now() - this.beganMs) / 1000) - plan.warmupSeconds;
    const measured = second >= 0 && !this.stopping;
    if (status >= 200 && status < 300) {
      counts.accepted++;
      if (measured) {
        this.acceptedMs.push(ms);
        this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
      }
    } else {
      this.refused[status] = (this.refused[status] ?? 0) + 1;
      if ((status === 429 || status === 503) && !retryAfter) counts.withoutRetryAfter++;
      if (measured) this.refusedMs.push(ms);
    }
    if (this.stopping || closing) return;
    if (plan.rate === 0) this.send(connection);
    else this.idle.push(connection);
  }

  /** A client whose connection is closed opens another one. */
  private onClosed(connection: LoadConnection, pending: boolean, seed: number): void {
    this.counts.closed++;
    this.requests.delete(connection);
    if (pending) {
      this.underWay--;
      this.counts.lost++;
    }
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    if (this.stopping) return;
    setTimeout(() => {
      if (this.stopping) return;
      const another = this.open(seed);
      void another.connected().then(() => {
        if (!this.isOpen(another)) return;
        if (this.plan.rate === 0) this.send(another);
        else this.idle.push(another);
      });
    }, 50);
  }

  /** It may have been closed as soon as it was there, or before. */
  private isOpen(connection: LoadConnection): boolean {
    return this.requests.has(connection);
  }
}

function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (p: number): number => percentile(sorted, p, 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

if (require.main === module) {
  void new Generator(JSON.parse(process.argv[2] as string) as LoadPlan).run().then((outcome) => {
    process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
  });
}
