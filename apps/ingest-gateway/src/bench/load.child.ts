import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './connection';
import { type BodyFormat, SampleRequest } from './sample-requests';

/** What the load generator is told, as JSON in its first argument. */
export interface LoadPlan {
  readonly port: number;
  readonly path: string;
  readonly format: BodyFormat;
  readonly eventsPerRequest: number;
  readonly connections: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Number of the first event. */
  readonly first: number;
}

/** What it prints, as one line of JSON. */
export interface LoadResult {
  /** Of the measured time. */
  readonly eventsPerSecond: number;
  readonly events: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the whole run, warm-up included: what has to be in the log afterwards. */
  readonly acknowledged: number;
  readonly refused: number;
  /** CPU-seconds of the generator itself during the measured time. */
  readonly cpuSeconds: number;
}

class Load {
  private next: number;
  private acknowledged = 0;
  private refused = 0;
  private measuring = false;
  private stopping = false;
  private measured: number[] = [];
  private underWay = 0;

  constructor(private readonly plan: LoadPlan) {
    this.next = plan.first;
  }

  async run(): Promise<LoadResult> {
    const { plan } = this;
    const connections = Array.from({ length: plan.connections }, (_, n) => this.open(n));
    await Promise.all(connections.map(({ connection }) => connection.connected()));
    for (const { begin } of connections) begin();
    await sleep(plan.warmupMs);
    this.measuring = true;
    const beganMs = performance.now();
    const cpuBefore = process.cpuUsage();
    process.stdout.write('measuring\n');
    await sleep(plan.measureMs);
    const seconds = (performance.now() - beganMs) / 1000;
    const cpu = process.cpuUsage(cpuBefore);
    this.measuring = false;
    this.stopping = true;
    process.stdout.write('measured\n');
    while (this.underWay > 0) await sleep(5);
    for (const { connection } of connections) connection.close();
    const times = Float64Array.from(this.measured).sort();
    const events = times.length * plan.eventsPerRequest;
    return {
      eventsPerSecond: events / seconds,
      events,
      p50Ms: times[Math.floor(times.length * 0.5)],
      p99Ms: times[Math.floor(times.length * 0.99)],
      acknowledged: this.acknowledged,
      refused: this.refused,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
    };
  }

  private open(n: number): { connection: Connection; begin: () => void } {
    const { plan } = this;
    const request = new SampleRequest(plan.format, plan.eventsPerRequest, plan.path, n * plan.eventsPerRequest);
    const send = (): void => {
      this.next = request.renew(this.next);
      this.underWay++;
      connection.send(request.bytes);
    };
    const answered = (status: number, ms: number): void => {
      this.underWay--;
      if (status >= 200 && status < 300) {
        this.acknowledged += plan.eventsPerRequest;
        if (this.measuring) this.measured.push(ms);
      } else this.refused += plan.eventsPerRequest;
      if (!this.stopping) send();
    };
    const connection = new Connection(plan.port, answered, (error) => {
      process.stderr.write(`load generator: ${error.message}\n`);
      process.exit(1);
    });
    return { connection, begin: send };
  }
}

void new Load(JSON.parse(process.argv[2]) as LoadPlan).run().then((result) => {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
});
