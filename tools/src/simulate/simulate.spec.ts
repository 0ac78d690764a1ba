import { simulate } from './run';
import { simulateElsewhere } from './testing/elsewhere';

const SEEDS = 11;

test(`nothing is lost, doubled, altered or miscounted under the faults of ${SEEDS} seeds`, async () => {
  const { code, stdout } = await simulateElsewhere('--seeds', String(SEEDS));
  if (code !== 0) console.error(stdout);
  expect(code).toBe(0);
  const faults = 'clock, crash, error, fail, freeze, late, lost answer, lost request, outage, session, twice';
  expect(stdout).toContain(`faults met: ${faults}`);
});

test('equal seeds give equal traces, in this process and in another', async () => {
  const [once, again] = [await simulate({ seed: 7 }), await simulate({ seed: 7, keepTrace: true })];
  expect(again.digest).toBe(once.digest);
  expect(again.trace.length).toBeGreaterThan(500);
  expect((await simulate({ seed: 8 })).digest).not.toBe(once.digest);
  const { stdout } = await simulateElsewhere('--seed', '7');
  expect(stdout).toContain(`trace ${once.digest}`);
});
