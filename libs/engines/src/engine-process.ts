import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real engine, running as a process of this machine, on loopback. */
export interface Engine {
  /** `host:port`, as clients are given it. */
  readonly address: string;
  readonly pid: number;
  /** Asks it to end, and kills it where it does not within ten seconds. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 10_000;
const LAST_WORDS_CHARS = 4_000;

export interface EngineCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly port: number;
  /** Whether it works; asked again and again from the start on. */
  readonly ready: (port: number) => Promise<boolean>;
}

/** Starts an engine and resolves once it is ready. Rejects with its last words where it ends instead, or takes too long. */
export async function startEngine({ name, command, args, cwd, port, ready }: EngineCommand): Promise<Engine> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-LAST_WORDS_CHARS)));
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  // Whoever started it may die without a word; an engine that outlived it would hold its port for ever.
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void gone.then(() => process.removeListener('exit', endWithUs));
  const deadline = performance.now() + READY_MS_MAX;
  while (!(await ready(port))) {
    if (failure || hasEnded(child) || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not start: ${failure ? String(failure) : words}`);
    }
    await sleep(100);
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded(child)) return;
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await gone;
    clearTimeout(late);
  };
  return {
    address: `127.0.0.1:${port}`,
    pid: child.pid as number,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Ports that nobody listens on now. Another program may take one before the engine does; then the engine says so. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = net.createServer();
      return new Promise<net.Server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Whether somebody accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
