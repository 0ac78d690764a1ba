import type { LandDeps } from './land-batch';

/** Does a step of a landing, and tells how long it took. */
export async function timed<T>(
  { observe }: Pick<LandDeps, 'observe'>,
  step: Parameters<LandDeps['observe']>[0],
  task: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  try {
    return await task();
  } finally {
    observe(step, (performance.now() - began) / 1_000);
  }
}
