import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { WORKSPACE_ROOT } from './start/services';

const SUM = path.join(WORKSPACE_ROOT, 'tools', 'ci-sum.cjs');

function sum(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [SUM, ...args], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, last: stdout.trimEnd().split('\n').pop() };
}

it('adds up what commands end with, the last plain line of each', () => {
  expect(sum('--each', 'echo "1 passed, 9 failed"; echo "3 passed, 0 failed"', 'echo "4 passed, 0 failed"')).toEqual({
    status: 0,
    last: '7 passed, 0 failed',
  });
});

it('fails when one fails', () => {
  expect(sum('--each', 'echo "3 passed, 0 failed"', 'echo "4 passed, 2 failed"; exit 1')).toEqual({
    status: 1,
    last: '7 passed, 2 failed',
  });
});

it('counts a command that ends without its line, or badly in spite of it, as a failure', () => {
  expect(sum('--each', 'echo "3 passed, 0 failed"', 'exit 1')).toEqual({ status: 1, last: '3 passed, 1 failed' });
  expect(sum('--each', 'echo "3 passed, 0 failed"; exit 1')).toEqual({ status: 1, last: '3 passed, 1 failed' });
});

it('runs commands beside each other, one test each', () => {
  expect(sum('--beside', 'echo a', 'echo b')).toEqual({ status: 0, last: '2 passed, 0 failed' });
});

it('ends all commands, with what they started, once one of them fails', () => {
  const began = path.join(os.tmpdir(), `millrace-beside-${process.pid}`);
  // The second waits for a child of its own, which never ends; until it does, the output that it writes to stays open.
  const wait = `node -e "require('fs').writeFileSync('${began}', 'x'); setInterval(() => 0, 1000)"`;
  const seen = `until [ -s ${began} ]; do sleep 0.05; done; exit 3`;
  try {
    expect(sum('--beside', seen, `${wait} & wait`)).toEqual({ status: 1, last: '0 passed, 2 failed' });
  } finally {
    fs.rmSync(began, { force: true });
  }
});

it('runs one tier of jest, and fails where nothing passed', () => {
  expect(sum('laptop', '-c', 'tools/jest.config.cjs', 'src/start/backoff.spec.ts')).toEqual({
    status: 0,
    last: '2 passed, 0 failed',
  });
  expect(sum('laptop', '-c', 'tools/jest.config.cjs', 'src/nowhere')).toEqual({
    status: 1,
    last: '0 passed, 0 failed',
  });
});

it('shows what is covered, before its last line', () => {
  const covered = ['--coverage', '--coverageReporters=text-summary', '--collectCoverageFrom=src/start/backoff.ts'];
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-coverage-'));
  const args = ['laptop', '-c', 'tools/jest.config.cjs', 'src/start/backoff.spec.ts', `--coverageDirectory=${folder}`];
  const { stdout } = spawnSync(process.execPath, [SUM, ...args, ...covered], { encoding: 'utf8', timeout: 100_000 });
  fs.rmSync(folder, { recursive: true, force: true });
  expect(stdout).toMatch(/Statements +: 100%[^]*\n2 passed, 0 failed\n$/);
});
