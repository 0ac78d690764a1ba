import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { simulate } from './run';

const SEEDS = 11;

test(`nothing is lost, doubled, altered or miscounted under the faults of ${SEEDS} seeds`, async () => {
  const failed: string[] = [];
  const met = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { ok, findings, report } = await simulate({ seed });
    for (const { kind } of report.faults) met.add(kind);
    if (!ok) failed.push(`npm run simulate -- --seed ${seed} --trace: ${findings.join('\n')}`);
  }
  expect(failed).toEqual([]);
  expect([...met].sort()).toEqual([
    ...[
      'clock',
      'crash',
      'error',
      'fail',
      'freeze',
      'late',
      'lost answer',
      'lost request',
      'outage',
      'session',
      'twice',
    ],
  ]);
});

test('equal seeds give equal traces, in this process and in another', async () => {
  const [once, again] = [await simulate({ seed: 7 }), await simulate({ seed: 7, keepTrace: true })];
  expect(again.digest).toBe(once.digest);
  expect(again.trace.length).toBeGreaterThan(500);
  expect((await simulate({ seed: 8 })).digest).not.toBe(once.digest);
  const main = path.join(__dirname, '../../dist/simulate/main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['-e', `require(${JSON.stringify(main)}).main(['--seed', '7'])`],
  ]);
  expect(stdout).toContain(`trace ${once.digest}`);
});
