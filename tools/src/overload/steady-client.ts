import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from './verdict';

/** How a sender goes on when nobody listens, ms. */
const AWAY_MS = 50;

/** Keep-alive connections that each send one event after the other, and what became of every request. */
export class SteadyClient {
  accepted = 0;
  /** Whose connection broke, or that were answered otherwise than with 2xx or an honest 503. */
  unknown = 0;
  private readonly refused: Record<string, number> = {};
  private readonly broken: Record<string, number> = {};
  private away = 0;
  private running: Promise<void>[] = [];
  private stopping = false;
  private sent = 0;

  constructor(
    private readonly port: number,
    private readonly connections: number,
  ) {}

  start(): void {
    this.running = Array.from({ length: this.connections }, () => this.run());
  }

  /** What is under way is waited for. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running);
  }

  /**
   * @param orderly the service was asked to stop: no request may be without an answer, but for one in the connection that
   * a system always takes for a listener, which is reset when that closes
   */
  findings(orderly: boolean): Finding[] {
    const broken = Object.values(this.broken).reduce((sum, count) => sum + count, 0);
    return [
      {
        what: `${this.accepted} accepted, ${JSON.stringify(this.refused)} refused, ${broken} broken ${JSON.stringify(this.broken)}, ${this.away} found nobody`,
        ok:
          this.accepted > 0 &&
          (!orderly || broken <= 1) &&
          Object.keys(this.refused).every((status) => status === '503'),
      },
    ];
  }

  private async run(): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.stopping) await this.one(agent);
    agent.destroy();
  }

  private async one(agent: http.Agent): Promise<void> {
    const body = JSON.stringify({
      event_id: `s-${process.pid}-${this.sent++}`,
      event_type: 'order.placed',
      payload: {},
    });
    try {
      const status = await post(agent, this.port, body);
      if (status === 202) return void this.accepted++;
      this.refused[status] = (this.refused[status] ?? 0) + 1;
      if (status !== 503) this.unknown++;
      await sleep(AWAY_MS);
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED') this.away++;
      else {
        this.unknown++;
        this.broken[code] = (this.broken[code] ?? 0) + 1;
      }
      await sleep(AWAY_MS);
    }
  }
}

function post(agent: http.Agent, port: number, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(
      { host: '127.0.0.1', port, path: '/v1/events', method: 'POST', agent, headers },
      (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
