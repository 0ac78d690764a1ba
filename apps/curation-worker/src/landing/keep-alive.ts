import type { Timers } from '../worker/timers';
import type { Landing } from './port';

/** A third of the time after which the database ends a session that idles in a transaction. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Lets a transaction live while files are written: on a slow disk that takes longer than the database's patience, and the
 * landing would be undone and repeated for ever. A process that hangs still loses its locks.
 */
export async function keptAlive<T>(
  { timers }: { readonly timers: Pick<Timers, 'every'> },
  landing: Pick<Landing, 'keepAlive'>,
  task: () => Promise<T>,
): Promise<T> {
  // Should it fail, the next step does so too, and says why.
  const end = timers.every(KEEP_ALIVE_MS, () => void landing.keepAlive().catch(() => undefined));
  try {
    return await task();
  } finally {
    end();
  }
}
