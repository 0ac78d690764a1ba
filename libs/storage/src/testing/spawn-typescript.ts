import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface TypeScriptChild {
  readonly process: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: readonly string[];
  /** Resolves at the n-th line (counted from 1); rejects when the child ends before. */
  line(n: number): Promise<string>;
  /** Resolves when the child has ended and its output is read. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

/**
 * Starts a TypeScript file in a process of its own, for tests of crashes and of concurrency between processes.
 * `shell` is put before it, e.g. `ulimit -f 8`.
 */
export function spawnTypeScript(
  file: string,
  args: readonly string[],
  options: SpawnOptions & { shell?: never; before?: string } = {},
): TypeScriptChild {
  const { before, ...rest } = options;
  const node = ['-C', '@millrace/source', '-r', path.join(__dirname, 'typescript-hook.cjs'), file, ...args];
  const stdio: SpawnOptions = { ...rest, stdio: ['ignore', 'pipe', 'pipe'] };
  const child = before
    ? spawn('sh', ['-c', `${before}; exec "$0" "$@"`, process.execPath, ...node], stdio)
    : spawn(process.execPath, node, stdio);

  const lines: string[] = [];
  const waiting: { n: number; resolve(line: string): void; reject(error: Error): void }[] = [];
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  reader.on('line', (line) => {
    lines.push(line);
    for (const w of waiting) if (w.n === lines.length) w.resolve(line);
  });
  const read = new Promise<void>((resolve) => reader.once('close', resolve));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => void read.then(() => resolve({ code, signal, stderr })));
    },
  );
  const fail = (why: string): void => {
    for (const w of waiting) if (w.n > lines.length) w.reject(new Error(why));
  };
  ended.then(
    (end) => fail(`the child ended (${end.code ?? end.signal}) after ${lines.length} lines: ${end.stderr}`),
    (error: Error) => fail(error.message),
  );

  return {
    process: child,
    lines,
    ended,
    line: (n) =>
      n <= lines.length
        ? Promise.resolve(lines[n - 1])
        : new Promise((resolve, reject) => waiting.push({ n, resolve, reject })),
  };
}
