import { MUTATIONS, type Mutation } from './mutation';
import { simulateElsewhere } from './testing/elsewhere';

/**
 * Seeds within which each defect is found, at most: far above what any took, so that a change of the load that shifts
 * what each seed meets does not hide one.
 */
const SEEDS_MAX = 200;
/** Where to begin with what few seeds find: a matter of the test's time only. */
const FIRST: Partial<Record<Mutation, number>> = { 'advance-without-compare': 29, 'skip-the-position-fence': 2 };

test.each(MUTATIONS)(
  'a planted defect is found: %s',
  async (mutation) => {
    const seeds = ['--seeds', String(SEEDS_MAX), '--first', String(FIRST[mutation] ?? 1), '--until-failed'];
    const { code, stdout } = await simulateElsewhere(...seeds, '--mutation', mutation);
    expect({ code, found: /^failed: \d+;/m.test(stdout) }).toEqual({ code: 1, found: true });
  },
  300_000,
);
