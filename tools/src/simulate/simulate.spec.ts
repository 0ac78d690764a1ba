import { simulate } from './run';
import { simulateElsewhere } from './testing/elsewhere';

const SEEDS = 11;

test(`nothing is lost, doubled, altered or miscounted under the faults of ${SEEDS} seeds`, async () => {
  const { code, stdout } = await simulateElsewhere('--seeds', String(SEEDS));
  if (code !== 0) console.error(stdout);
  expect(code).toBe(0);
  const faults = 'clock, crash, error, fail, freeze, late, lost answer, lost request, outage, prune, session, twice';
  expect(stdout).toContain(`faults met: ${faults}`);
});

test('equal seeds give equal traces, whatever ran before them in the process', async () => {
  // Another seed went before it here, and nothing where it is told again.
  const other = await simulate({ seed: 8 });
  const once = await simulate({ seed: 7, keepTrace: true });
  expect(once.trace.length).toBeGreaterThan(500);
  expect(other.digest).not.toBe(once.digest);
  const { stdout } = await simulateElsewhere('--seed', '7');
  expect(stdout).toContain(`trace ${once.digest}`);
});
