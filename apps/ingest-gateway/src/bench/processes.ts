import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';

/** A child process whose lines of standard output are read one after the other. */
export interface Child {
  readonly pid: number;
  /** The next line; rejects when the child ends without one. */
  line(): Promise<string>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
}

const START_MS_MAX = 60_000;

/** Runs a compiled file with this Node. Its standard error is ours. */
export function startChild(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child: ChildProcess = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
  });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const first = waiting.shift();
    if (first) first.resolve(line);
    else lines.push(line);
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`${file} ended with ${signal ?? code}`));
  });
  return {
    pid: child.pid as number,
    line: () => {
      const known = lines.shift();
      if (known !== undefined) return Promise.resolve(known);
      if (child.exitCode !== null) return Promise.reject(new Error(`${file} ended with ${child.exitCode}`));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Lines are read until one gives an address. */
export async function addressOf(child: Child, find: (line: string) => string | undefined): Promise<string> {
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    const address = find(await child.line());
    if (address !== undefined) return address;
    if (performance.now() > deadline) throw new Error('the server did not say where it listens');
  }
}
