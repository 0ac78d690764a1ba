import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Traffic } from './instrument';

/** How often connections that have fallen idle are looked for. */
const SWEEP_MS = 50;
/**
 * A connection that has said nothing for so long has no request on its way, as far as anyone can know. One that is closed
 * with a request in it unread is reset, and its client never learns what became of the request.
 */
const QUIET_MS = 250;
const TURN_MS = 10;
/** What the system has taken for us comes in within so long. */
const LAST_MS = 100;

/**
 * Closes an HTTP server without failing a request that it has begun, or that was sent to it: it goes on serving for a
 * moment and tells every client that is answered to close its connection, then accepts no more connections, closes the
 * quiet ones and waits for the answers under way.
 */
export class Drain {
  /** Open connections, and when they were opened. */
  private readonly sockets = new Map<Socket, number>();

  constructor(
    private readonly fastify: FastifyInstance,
    private readonly traffic: Traffic,
  ) {
    fastify.server.on('connection', (socket: Socket) => {
      this.sockets.set(socket, performance.now());
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** Resolves when every connection is closed; after `msMax` the rest is cut off, and the error says how many. */
  async run(msMax: number): Promise<Error | undefined> {
    const { fastify, traffic } = this;
    traffic.draining = true;
    for (const reply of traffic.underWay.all()) if (!reply.raw.headersSent) reply.header('connection', 'close');
    let cut = 0;
    const bound = setTimeout(() => {
      cut = this.sockets.size;
      fastify.server.closeAllConnections();
    }, msMax);
    let sweep: NodeJS.Timeout | undefined;
    try {
      await this.quiet(Math.min(QUIET_MS, msMax));
      await this.lastConnections();
      sweep = setInterval(() => this.closeIdle(), SWEEP_MS);
      const closed = fastify.close();
      this.closeIdle();
      await closed;
    } finally {
      clearInterval(sweep);
      clearTimeout(bound);
    }
    return cut === 0 ? undefined : new Error(`${cut} connections were cut off after ${Math.round(msMax)} ms`);
  }

  /**
   * Waits for about `ms`, or for less when there is nobody left to hear of the end. In turns of the event loop, each of
   * which reads what has arrived: a process that gets no time on a busy machine must not take that for quiet.
   */
  private quiet(ms: number): Promise<void> {
    return this.turns(ms, () => this.sockets.size > 0);
  }

  private async turns(ms: number, goOn = (): boolean => true): Promise<void> {
    for (let turns = Math.ceil(ms / TURN_MS); turns > 0 && goOn(); turns--) await sleep(TURN_MS);
  }

  /**
   * A connection that the system has taken for us and that we have not seen is reset when we stop listening. So first the
   * system is told to take no more, which has clients try again in a second, and what it has taken is accepted.
   */
  private async lastConnections(): Promise<void> {
    const { _handle: handle } = this.fastify.server as { _handle?: { listen?: (backlog: number) => number } };
    handle?.listen?.(0);
    await this.turns(LAST_MS);
  }

  /** Node counts a connection as idle only after its first request: those that never sent a byte are ours to close. */
  private closeIdle(): void {
    this.fastify.server.closeIdleConnections();
    const quietMs = performance.now() - QUIET_MS;
    for (const [socket, openedMs] of this.sockets) if (socket.bytesRead === 0 && openedMs <= quietMs) socket.destroy();
  }
}
