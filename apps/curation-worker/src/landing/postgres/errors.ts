import { isConflict, isUnavailable, isUnknownOutcome } from '@millrace/postgres';
import { LandingError } from '../port';

/** Raised by curation_worker.take_number. */
const LINE_MOVED = 'MR001';
const FENCED = 'MR002';
/** A statement that ran into its time limit: it waited for another landing's claims, or the server is overloaded. */
const TIMEOUTS = new Set(['57014', '55P03']);

/** Sorts an error of the database by what a landing does about it. What it does not know, it passes on. */
export function toLandingError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LandingError) return error;
  const code = (error as { code?: string }).code ?? '';
  const sorted = (name: LandingError['code']): LandingError => new LandingError(name, error.message, { cause: error });
  if (code === LINE_MOVED) return sorted('LANDING_LINE_MOVED');
  if (code === FENCED) return sorted('LANDING_FENCED');
  if (isUnknownOutcome(error)) return sorted('LANDING_UNKNOWN');
  if (isUnavailable(error) || isConflict(error) || TIMEOUTS.has(code)) return sorted('LANDING_UNAVAILABLE');
  return error;
}

export async function landingErrors<T>(task: Promise<T>): Promise<T> {
  try {
    return await task;
  } catch (error) {
    throw toLandingError(error);
  }
}
