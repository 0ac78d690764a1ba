import { KeyError } from '@millrace/privacy';
import { ProblemException } from '@millrace/service';

/** Asks for keys on behalf of a request, which gets 503 while they cannot be had. */
export async function withKeys<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const detail = 'Keys cannot be read now: see /readiness of curation-worker, and MASTER_KEY_FILE.';
    throw new ProblemException(503, { detail }, { 'retry-after': '10' });
  }
}
