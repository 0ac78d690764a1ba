import net from 'node:net';
import { access } from '@millrace/auth';
import { Module } from '@nestjs/common';
import { defineConfig, port, type ServiceDefinition } from '../index';
import { startService } from '../testing';

@Module({})
class NoModule {}

const config = defineConfig({ port: port({ env: 'PORT', default: 0 }) });
const definition: ServiceDefinition<typeof config> = {
  name: 'things',
  version: '1',
  config,
  module: ({ fastify }) => {
    fastify.get('/now', { config: { access: access('public') } }, (_request, reply) => reply.send('here'));
    return NoModule;
  },
};
const REQUEST = 'GET /now HTTP/1.1\r\nhost: x\r\n\r\n';

/** A client that notes what came and how its connection ended. */
class Client {
  received = '';
  ending: string | null = null;
  readonly ended: Promise<void>;

  constructor(readonly socket: net.Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => (this.received += text));
    this.ended = new Promise((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => (this.ending = error.code ?? 'error'));
      socket.on('close', () => {
        this.ending ??= 'closed';
        resolve();
      });
    });
  }

  static async connect(at: number): Promise<Client> {
    const socket = net.connect(at, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return new Client(socket);
  }

  get answers(): number {
    return this.received.split('HTTP/1.1 200').length - 1;
  }
}

it('a stop resets no connection: requests that are on their way are answered, and told that it was the last', async () => {
  const started = await startService(definition);
  const at = Number(new URL(started.url).port);
  const clients = await Promise.all(Array.from({ length: 30 }, () => Client.connect(at)));
  // Some have been answered before and are kept, some say their first word now, some never say anything.
  const kept = clients.slice(0, 10);
  for (const { socket } of kept) socket.write(REQUEST);
  while (kept.some(({ answers }) => answers === 0)) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = started.stop();
  for (const { socket } of clients.slice(0, 20)) socket.write(REQUEST);
  await Promise.all([stopped, ...clients.map(({ ended }) => ended)]);
  expect(clients.map(({ ending }) => ending)).toEqual(clients.map(() => 'closed'));
  expect(clients.map(({ answers }) => answers)).toEqual([
    ...Array<number>(10).fill(2),
    ...Array<number>(10).fill(1),
    ...Array<number>(10).fill(0),
  ]);
  for (const { received } of clients.slice(0, 20)) expect(received).toMatch(/connection: close/i);
}, 20_000);
