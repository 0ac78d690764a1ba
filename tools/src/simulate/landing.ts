import { type Landing, LandingError, type LandingStore } from '@millrace/curation-worker/simulation';
import { mutatedLanding } from './mutants';
import type { ErrorOf, SimProcess } from './process';
import type { Shared } from './shared';

const errorOf: ErrorOf = (method) =>
  new LandingError(
    method === 'commit' ? 'LANDING_UNKNOWN' : 'LANDING_UNAVAILABLE',
    `the connection broke during ${method}`,
  );

/** The landing store as one process reaches it: each landing over a connection that may break. */
export function landingOf(process: SimProcess, shared: Shared): LandingStore {
  const { landing: store, world } = shared;
  const begin = (): Promise<Landing> =>
    process.call(
      'landing',
      'begin',
      async () => {
        const raw = mutatedLanding(shared, await store.begin());
        // Of a process that has ended, or a connection that broke, the database hears after a while.
        let ended = false;
        const end = (): Promise<void> => {
          ended = true;
          return raw.rollback();
        };
        process.afterlife.push(() => void end());
        const broke: ErrorOf = (method, phase) => {
          if (method !== 'commit' || phase === 'after') world.after(process.random.between(0, 500), () => void end());
          return errorOf(method, phase);
        };
        let committed = false;
        const effect: Landing['commit'] = (fence) => {
          committed = true;
          return raw.commit(fence);
        };
        const commit: Landing['commit'] = (fence) => {
          // It may be the second try of a landing that met newer contracts.
          committed = false;
          return process
            .call('landing', 'commit', () => effect(fence), broke)
            .catch((error: LandingError) => {
              // The connection broke before COMMIT had arrived: it never does, or later, unless the database has heard.
              if (!committed) {
                const arrives = process.random.chance(0.5);
                const late = (): void => void (arrives && !ended ? effect(fence).catch(end) : end());
                world.after(process.random.between(0, 1_500), late);
              }
              throw error;
            });
        };
        return process.over('landing', raw, broke, { commit, rollback: end });
      },
      errorOf,
    );
  return process.over<LandingStore>('landing', store, errorOf, { begin });
}
