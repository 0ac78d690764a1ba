import type { Mutation } from './mutation';
import { simulate } from './run';

/** Seeds within which each defect is found, at most. The others of MUTATIONS take more seeds than a test has time for. */
const SEEDS_MAX = 3;
const QUICK: readonly Mutation[] = [
  'ignore-claims',
  'message-outside-the-transaction',
  'trim-above-the-slowest-group',
  'collect-files-of-the-living',
];

test.each(QUICK)('a planted defect is found: %s', async (mutation) => {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { ok } = await simulate({ seed, mutation });
    if (!ok) return;
  }
  throw new Error(`${SEEDS_MAX} seeds pass with ${mutation}`);
});
