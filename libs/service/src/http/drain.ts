import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Traffic } from './instrument';

/** How often connections that have fallen idle are looked for. */
const SWEEP_MS = 50;

/**
 * Closes an HTTP server without failing a request that it has begun: it accepts no more connections, tells the clients
 * of those it has to close them, and waits for the answers under way.
 */
export class Drain {
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly fastify: FastifyInstance,
    private readonly traffic: Traffic,
  ) {
    fastify.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** Resolves when every connection is closed; after `msMax` the rest is cut off, and the error says how many. */
  async run(msMax: number): Promise<Error | undefined> {
    const { fastify, traffic } = this;
    traffic.draining = true;
    for (const reply of traffic.underWay.all()) if (!reply.raw.headersSent) reply.header('connection', 'close');
    let cut = 0;
    const sweep = setInterval(() => this.closeIdle(), SWEEP_MS);
    const bound = setTimeout(() => {
      cut = this.sockets.size;
      fastify.server.closeAllConnections();
    }, msMax);
    try {
      const closed = fastify.close();
      this.closeIdle();
      await closed;
    } finally {
      clearInterval(sweep);
      clearTimeout(bound);
    }
    return cut === 0 ? undefined : new Error(`${cut} connections were cut off after ${Math.round(msMax)} ms`);
  }

  /** Node counts a connection as idle only after its first request: those that never sent a byte are ours to close. */
  private closeIdle(): void {
    this.fastify.server.closeIdleConnections();
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}
