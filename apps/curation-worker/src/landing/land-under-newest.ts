import type { InForce } from '../contracts/keeper';
import { type Attempt, type LandDeps, type Landed, UnknownLanding } from './land-batch';
import { keptAlive } from './keep-alive';
import { type Landing, LandingError, type ManifestRow } from './port';
import { timed } from './timed';

/** What is left to be written of a landing, under given contracts. */
export interface LastStep {
  readonly landed: Omit<Landed, 'number'>;
  readonly manifest: ManifestRow;
}

/**
 * Takes the number and commits. Contracts that have changed meanwhile force nothing to be done again if they judge the
 * batch as its own did: it lands under them, as if they had been its own. The line's index stays the one of every batch
 * that takes a number, so a change still comes into force at one number.
 *
 * @throws as `Landing.commit`, and UnknownLanding
 */
export async function landUnderNewest(
  deps: LandDeps,
  { epoch, inForce, whatHolds }: Pick<Attempt, 'epoch' | 'inForce' | 'whatHolds'>,
  landing: Landing,
  written: readonly string[],
  last: (inForce: InForce) => LastStep,
): Promise<Landed> {
  for (let under = inForce; ;) {
    const { landed, manifest } = last(under);
    await landing.manifest(manifest);
    await deps.failpoint('before-commit');
    const { contracts, keysEpoch } = under;
    const fence = { batchId: manifest.batchId, epoch, contractsIndex: contracts.index, keysEpoch };
    try {
      const { number } = await timed(deps, 'commit', () => landing.commit(fence));
      return { ...landed, number };
    } catch (error) {
      if (!(error instanceof LandingError)) throw error;
      if (error.code === 'LANDING_UNKNOWN') throw new UnknownLanding(landed, written, error);
      const newest =
        error.code === 'LANDING_LINE_MOVED' ? await keptAlive(deps, landing, () => whatHolds(under)) : null;
      if (!newest) throw error;
      under = newest;
    }
  }
}
