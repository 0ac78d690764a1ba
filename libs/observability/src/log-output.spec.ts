import { spawn } from 'node:child_process';
import path from 'node:path';
import { logOutput } from './log-output';

const refuse = (code: string): never => {
  throw Object.assign(new Error(code), { code });
};
const tick = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A descriptor that takes some bytes at a time, or fails. */
function descriptor(takes: () => number): { system: Parameters<typeof logOutput>[1]; text: () => string } {
  let text = '';
  const writeSync = (_fd: number, chunk: Buffer): number => {
    const written = Math.min(takes(), chunk.length);
    text += chunk.toString('latin1', 0, written);
    return written;
  };
  return { system: { writeSync } as never, text: () => text };
}

const lines = Array.from({ length: 500 }, (_, i) => `${i} ${'x'.repeat(i)}\n`);

it('writes every line once, in order, however little is taken at a time', async () => {
  let turn = 0;
  const { system, text } = descriptor(() => (++turn % 3 === 0 ? refuse('EAGAIN') : 997));
  const output = logOutput(1, system);
  for (const line of lines) output.write(line);
  expect(text()).toBe('');
  while (text().length < lines.join('').length) await tick(5);
  expect(text()).toBe(lines.join(''));
});

it('writes what is left at once when it is asked to', () => {
  let turn = 0;
  const { system, text } = descriptor(() => (++turn % 5 === 0 ? refuse('EAGAIN') : 40_000));
  const output = logOutput(1, system);
  for (const line of lines) output.write(line);
  output.flushSync();
  expect(text()).toBe(lines.join(''));
});

it('drops lines that nobody reads, and says how many once somebody does', async () => {
  let read = false;
  const { system, text } = descriptor(() => (read ? 1 << 20 : refuse('EAGAIN')));
  const output = logOutput(1, system);
  const line = `${'y'.repeat(1_023)}\n`;
  for (let i = 0; i < 10_000; i++) output.write(line);
  read = true;
  output.flushSync();
  output.write('again\n');
  output.flushSync();
  const told = '{"level":"warn","msg":"nobody read the log: lines are missing","count":1808}\n';
  expect(text() === `${line.repeat(8_192)}${told}again\n`).toBe(true);
});

it('gives up for good on a reader that is gone', async () => {
  let writes = 0;
  const { system } = descriptor(() => (writes++, refuse('EPIPE')));
  const output = logOutput(1, system);
  for (const line of lines) output.write(line);
  output.flushSync();
  output.write('more\n');
  await tick(60);
  output.flushSync();
  expect(writes).toBe(1);
});

describe('a process', () => {
  const register = path.resolve(__dirname, '../../service/src/testing/child/register.cjs');
  const program = `const { createLogger } = require(${JSON.stringify(path.join(__dirname, 'logger.ts'))});
    const log = createLogger({ service: 'spec' });`;
  const start = (code: string) =>
    spawn(process.execPath, ['--conditions=@millrace/source', '--require', register, '-e', program + code], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  const ended = (child: ReturnType<typeof start>) =>
    new Promise<number | null>((resolve) => void child.once('exit', (code) => resolve(code)));

  it('ends although nobody reads what it logged', async () => {
    const child = start(
      `for (let i = 0; i < 9_000; i++) log.info({ path: 'y'.repeat(400) }, 'line'); process.exit(7);`,
    );
    child.stdout.pause();
    expect(await ended(child)).toBe(7);
  });

  it('ends although whoever read it is gone and lines are left', async () => {
    const child = start(
      `process.stdin.on('end', () => { for (let i = 0; i < 5; i++) log.info('line'); process.exit(7); }).resume();`,
    );
    child.stdout.destroy();
    child.stdin.end();
    expect(await ended(child)).toBe(7);
  });

  it('loses no line at its end', async () => {
    const child = start(
      `for (let i = 0; i < 3_000; i++) log.info({ path: 'y'.repeat(400), number: i }, 'line'); process.exit(0);`,
    );
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    await new Promise((resolve) => child.once('close', resolve));
    const numbers = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { number: number }).number);
    expect(numbers).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  });
});
