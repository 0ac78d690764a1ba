import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { WORKSPACE_ROOT } from './start/services';

function sum(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'ci-sum.cjs'), ...args], {
    encoding: 'utf8',
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
