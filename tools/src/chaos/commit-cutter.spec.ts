import net, { type AddressInfo } from 'node:net';
import { freePort } from '../start/fixtures/waiting';
import { CommitCutter, type Cut } from './commit-cutter';

/** Remembers what it got, and answers `ok` to each message. */
async function server(): Promise<{ port: number; got: string[]; stop: () => void }> {
  const got: string[] = [];
  const listening = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      got.push(chunk.toString('latin1'));
      socket.write('ok');
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return { port: (listening.address() as AddressInfo).port, got, stop: () => listening.close() };
}

/** One message, answered, or null when the connection breaks. */
async function say(socket: net.Socket, text: string): Promise<string | null> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve(null));
    socket.once('data', (chunk) => resolve(chunk.toString()));
    socket.write(text);
  });
}

it.each<[Cut, boolean]>([
  ['before', false],
  ['after', true],
])('cuts a connection just %s the server gets a COMMIT of the user', async (cut, arrives) => {
  const postgres = await server();
  const port = await freePort();
  const cutter = new CommitCutter({ port, postgresPort: postgres.port });
  await cutter.start();
  const connect = async (user: string): Promise<net.Socket> => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    expect(await say(socket, `\0\x03user\0${user}\0database\0m\0\0`)).toBe('ok');
    return socket;
  };
  const [mine, other] = [await connect('millrace_a'), await connect('millrace_b')];
  const cutting = cutter.cutNext('millrace_a', cut, 5_000);
  expect(await say(mine, 'SELECT 1')).toBe('ok');
  expect(await say(other, 'COMMIT b')).toBe('ok');
  expect(await say(mine, 'COMMIT a')).toBeNull();
  expect(await cutting).toBe(true);
  expect(await say(other, 'SELECT 2')).toBe('ok');
  expect(postgres.got.some((text) => text.includes('COMMIT a'))).toBe(arrives);
  other.destroy();
  await cutter.stop();
  postgres.stop();
});

it('gives up when nothing is committed in time', async () => {
  const port = await freePort();
  const cutter = new CommitCutter({ port, postgresPort: 1 });
  await cutter.start();
  expect(await cutter.cutNext('millrace_a', 'after', 10)).toBe(false);
  await cutter.stop();
});
