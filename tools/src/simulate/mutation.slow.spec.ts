import { MUTATIONS, type Mutation } from './mutation';
import { simulateElsewhere } from './testing/elsewhere';

/**
 * Seeds within which each defect is found, at most: far above what any took, so that a change of the load that shifts
 * what each seed meets does not hide one.
 */
const SEEDS_MAX = 200;
/** Where processes must stand still, or what a defect does shows in one of hundreds of seeds only. */
const UNLUCKY: Partial<Record<Mutation, string>> = {
  'advance-without-compare': 'table-manager/catalog-written',
  'count-replays-outside-the-transaction': 'curation-worker/after-quarantine',
};

test.each(MUTATIONS)(
  'a planted defect is found: %s',
  async (mutation) => {
    const unlucky = UNLUCKY[mutation];
    const { code, stdout } = await simulateElsewhere(
      ...['--seeds', String(SEEDS_MAX), '--until-failed', '--mutation', mutation],
      ...(unlucky ? ['--unlucky', unlucky] : []),
    );
    expect({ code, found: /^failed: \d+;/m.test(stdout) }).toEqual({ code: 1, found: true });
  },
  300_000,
);
